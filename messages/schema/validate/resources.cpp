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

bool is_page_size(std::string_view name) {
  return name.starts_with("hugepages-") || name.starts_with("requests.hugepages-");
}

/// Pages are given whole.
void whole_pages(report& out, const path& at, std::string_view name, const Quantity& value) {
  auto size = quantity::parse(name.substr(std::string_view("hugepages-").size()));
  auto wanted = amount(value);
  if (size && *size > quantity() && size->whole() && wanted.whole() &&
      static_cast<int64_t>(wanted.approximate()) % static_cast<int64_t>(size->approximate()) == 0)
    return;
  out.invalid(at, value.string(),
              value.string() + " is not positive integer multiple of " + std::string(name));
}

using name_rule = void (*)(report&, const path&, std::string_view);

void one_amount(report& out, const path& at, const std::string& name, const Quantity& value,
                name_rule rule) {
  rule(out, at, name);
  resource_amount(out, at, name, value);
}

void limits(report& out, const path& at, const amounts& map, name_rule rule) {
  for (auto& [name, value] : map) {
    auto here = at.key(name);
    one_amount(out, here, name, value, rule);
    if (is_hugepages(name)) whole_pages(out, here, name, value);
  }
}

void requests(report& out, const path& top, const ResourceRequirements& r, name_rule rule) {
  auto at = top / "requests";
  for (auto& [name, value] : r.requests()) {
    auto here = at.key(name);
    one_amount(out, here, name, value, rule);
    auto limit = r.limits().find(name);
    bool overcommit = is_native(name) && !is_hugepages(name);
    if (limit == r.limits().end()) {
      if (!overcommit)
        out.required(top / "limits", "Limit must be set for non overcommitable resources");
    } else if (!overcommit && amount(value) != amount(limit->second)) {
      out.invalid(at, value.string(),
                  "must be equal to " + name + " limit of " + limit->second.string());
    } else if (amount(value) > amount(limit->second)) {
      out.invalid(at, value.string(),
                  "must be less than or equal to " + name + " limit of " + limit->second.string());
    }
    if (is_hugepages(name)) whole_pages(out, here, name, value);
  }
}

void claims_of(report& out, const path& top, const ResourceRequirements& r,
               const std::set<std::string_view>& known) {
  std::set<std::string> seen;
  for (int i = 0; i < r.claims_size(); ++i) {
    auto& claim = r.claims(i);
    auto here = top.at("claims", i);
    if (!out.not_empty(here, claim.name())) continue;
    auto key = claim.name();
    if (!claim.request().empty()) {
      out.invalid(here / "request", claim.request(), names::dns_label(claim.request()));
      key += "/" + claim.request();
    }
    // A claim that is taken whole has no requests left to be taken.
    auto part = claim.name() + "/";
    auto later = seen.lower_bound(part);
    bool in_parts = claim.request().empty() && later != seen.end() && later->starts_with(part);
    if (seen.contains(claim.name()) || seen.contains(key) || in_parts)
      out.duplicate(here, seen.contains(claim.name()) ? claim.name() : key);
    seen.insert(key);
    if (known.contains(claim.name())) continue;
    std::string names;
    for (auto name : known) (names += names.empty() ? ": " : ", ") += name;
    out.not_found(here, claim.name(),
                  "must be one of the names in pod.spec.resourceClaims" +
                      (names.empty() ? " which is empty" : names));
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

bool is_quota_resource(std::string_view name) {
  return (among(of_quotas, name) && name != "storage") || is_page_size(name);
}

void resource_name(report& out, const path& at, std::string_view name) {
  auto faults = names::qualified(name);
  out.invalid(at, name, faults);
  if (faults.empty() && !has_prefix(name) && !among(of_quotas, name) && !is_page_size(name))
    out.invalid(at, name, "must be a standard resource type or fully qualified");
}

void container_resource_name(report& out, const path& at, std::string_view name) {
  resource_name(out, at, name);
  if (!has_prefix(name)) {
    if (!among(of_containers, name) && !is_hugepages(name))
      out.invalid(at, name, "must be a standard resource for containers");
  } else if (!is_native(name) && !is_extended(name)) {
    out.invalid(at, name, "doesn't follow extended resource name standard");
  }
}

void quota_resource_name(report& out, const path& at, std::string_view name) {
  resource_name(out, at, name);
  if (!has_prefix(name) && !is_quota_resource(name))
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
                  const std::set<std::string_view>& claims,
                  void (*name_rule)(report&, const path&, std::string_view)) {
  limits(out, at / "limits", r.limits(), name_rule);
  requests(out, at, r, name_rule);
  bool compute = false, hugepages = false;
  for (auto* map : {&r.limits(), &r.requests()})
    for (auto& [name, value] : *map) {
      compute = compute || name == "cpu" || name == "memory";
      hugepages = hugepages || is_hugepages(name);
    }
  if (hugepages && !compute) out.forbidden(at, "HugePages require cpu or memory");
  claims_of(out, at, r, claims);
}

void overhead(report& out, const path& at, const amounts& map) {
  ResourceRequirements all;
  *all.mutable_limits() = map;
  requirements(out, at, all, {});
}

} // namespace troupe::schema::validate
