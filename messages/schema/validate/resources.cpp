// Names and amounts of resources, and what containers may ask for.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/container.pb.h"

#include <algorithm>
#include <array>

namespace troupe::schema::validate {

namespace {

using k8s::base::Quantity;
using k8s::core::v1::ResourceRequirements;

constexpr std::array<std::string_view, 3> of_containers{"cpu", "memory", "ephemeral-storage"};

constexpr std::array<std::string_view, 20> of_quotas{
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
    "storage",
};

constexpr std::array<std::string_view, 8> counted{
    "pods",    "services",   "replicationcontrollers", "resourcequotas",
    "secrets", "configmaps", "persistentvolumeclaims", "services.nodeports"};

template<size_t N> bool among(const std::array<std::string_view, N>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool has_prefix(std::string_view name) { return name.find('/') != name.npos; }

/// Whether quotas know the name: "count/deployments.apps",
/// "gold.storageclass.storage.k8s.io/requests.storage".
bool quota_name(std::string_view name) {
  return among(of_quotas, name) || name.starts_with("requests.hugepages-") ||
         name.starts_with("hugepages-") || name.find('/') != name.npos;
}

void limits(report& out, const path& at, const ResourceRequirements& r) {
  for (auto& [name, value] : r.limits()) {
    auto here = at.key(name);
    container_resource_name(out, here, name);
    resource_amount(out, here, name, value);
  }
}

void requests(report& out, const path& at, const ResourceRequirements& r) {
  for (auto& [name, value] : r.requests()) {
    auto here = at.key(name);
    container_resource_name(out, here, name);
    resource_amount(out, here, name, value);
    auto limit = r.limits().find(name);
    bool overcommit = is_native(name) && !is_hugepages(name);
    if (limit == r.limits().end()) continue; // told below
    if (overcommit ? amount(value) > amount(limit->second)
                   : amount(value) != amount(limit->second)) {
      out.invalid(at, value.string(),
                  overcommit ? "must be less than or equal to " + std::string(name) + " limit of " +
                                   limit->second.string()
                             : "must be equal to " + std::string(name) + " limit of " +
                                   limit->second.string());
    }
  }
}

} // namespace

quantity amount(const Quantity& q) {
  auto read = quantity::parse(q.string());
  return read ? *read : quantity();
}

bool is_native(std::string_view name) {
  return !has_prefix(name) || name.find("kubernetes.io/") != name.npos;
}

bool is_hugepages(std::string_view name) { return name.starts_with("hugepages-"); }

bool is_extended(std::string_view name) {
  return !is_native(name) && !name.starts_with("requests.") &&
         names::qualified("requests." + std::string(name)).empty();
}

bool is_integral(std::string_view name) {
  return among(counted, name) || name == "services.loadbalancers" || is_extended(name);
}

void resource_name(report& out, const path& at, std::string_view name) {
  auto faults = names::qualified(name);
  out.invalid(at, name, faults);
  if (faults.empty() && !has_prefix(name) && !quota_name(name))
    out.invalid(at, name, "must be a standard resource type or fully qualified");
}

void container_resource_name(report& out, const path& at, std::string_view name) {
  auto faults = names::qualified(name);
  out.invalid(at, name, faults);
  if (!faults.empty()) return;
  if (!has_prefix(name)) {
    if (!among(of_containers, name) && !is_hugepages(name))
      out.invalid(at, name, "must be a standard resource for containers");
  } else if (!is_native(name) && !is_extended(name)) {
    out.invalid(at, name, "doesn't follow extended resource name standard");
  }
}

void quota_resource_name(report& out, const path& at, std::string_view name) {
  auto faults = names::qualified(name);
  out.invalid(at, name, faults);
  if (faults.empty() && !has_prefix(name) && !quota_name(name))
    out.invalid(at, name, "must be a standard resource for quota");
}

void resource_amount(report& out, const path& at, std::string_view name, const Quantity& value) {
  auto read = quantity::parse(value.string());
  if (!read) {
    out.invalid(at, value.string(), "must be a quantity such as 100m or 1Gi");
    return;
  }
  if (read->negative()) out.invalid(at, value.string(), "must be greater than or equal to 0");
  if (is_integral(name) && !read->whole()) out.invalid(at, value.string(), "must be an integer");
}

void requirements(report& out, const path& at, const ResourceRequirements& r,
                  const std::set<std::string_view>& claims) {
  auto limits_at = at / "limits";
  limits(out, limits_at, r);
  requests(out, at / "requests", r);
  bool compute = false, hugepages = false;
  for (auto* map : {&r.limits(), &r.requests()})
    for (auto& [name, value] : *map) {
      compute = compute || name == "cpu" || name == "memory";
      hugepages = hugepages || is_hugepages(name);
    }
  for (auto& [name, value] : r.requests())
    if ((is_extended(name) || is_hugepages(name)) && !r.limits().contains(name))
      out.required(limits_at, "Limit must be set for non overcommitable resources");
  if (hugepages && !compute) out.forbidden(at, "HugePages require cpu or memory");
  std::set<std::string> seen;
  for (int i = 0; i < r.claims_size(); ++i) {
    auto& claim = r.claims(i);
    auto here = at.at("claims", i);
    if (!out.not_empty(here / "name", claim.name())) continue;
    if (!seen.insert(claim.name() + "/" + claim.request()).second)
      out.duplicate(here, claim.name());
    if (!claims.contains(claim.name())) out.not_found(here / "name", claim.name());
  }
}

} // namespace troupe::schema::validate
