// Quotas and limit ranges: which resources they may name, and bounds that do not contradict each
// other.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/quota.pb.h"

#include <algorithm>
#include <array>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

constexpr std::array<std::string_view, 7> scopes_known{
    "Terminating",          "NotTerminating", "BestEffort",
    "NotBestEffort",        "PriorityClass",  "CrossNamespacePodAffinity",
    "VolumeAttributesClass"};

bool known_scope(std::string_view s) {
  return std::find(scopes_known.begin(), scopes_known.end(), s) != scopes_known.end();
}

/// Which resources a quota with this scope may count.
bool fits_scope(std::string_view scope, std::string_view resource) {
  auto compute = [&] {
    return resource == "pods" || resource == "cpu" || resource == "memory" ||
           resource == "ephemeral-storage" || resource == "requests.cpu" ||
           resource == "requests.memory" || resource == "requests.ephemeral-storage" ||
           resource == "limits.cpu" || resource == "limits.memory" ||
           resource == "limits.ephemeral-storage";
  };
  if (scope == "BestEffort") return resource == "pods";
  if (scope == "VolumeAttributesClass")
    return resource == "persistentvolumeclaims" || resource == "requests.storage" ||
           resource.find("storageclass.storage.k8s.io") != resource.npos;
  return compute() || resource.find('/') != resource.npos ||
         resource.starts_with("requests.hugepages-");
}

bool excludes(std::string_view a, std::string_view b) {
  auto pair = [&](std::string_view x, std::string_view y) {
    return (a == x && b == y) || (a == y && b == x);
  };
  return pair("BestEffort", "NotBestEffort") || pair("Terminating", "NotTerminating");
}

void scopes(report& out, const path& at, const ResourceQuotaSpec& spec) {
  auto here = at / "scopes";
  for (int i = 0; i < spec.scopes_size(); ++i) {
    auto& s = spec.scopes(i);
    if (!known_scope(s)) {
      out.invalid(here, s, "unsupported scope");
      continue;
    }
    for (auto& [resource, value] : spec.hard())
      if (!fits_scope(s, resource)) out.invalid(here, s, "unsupported scope applied to resource");
    for (int other = 0; other < i; ++other)
      if (excludes(s, spec.scopes(other))) out.invalid(here, s, "conflicting scopes");
  }
  auto selector = at / "scopeSelector";
  auto& list = spec.scope_selector().match_expressions();
  for (int i = 0; i < list.size(); ++i) {
    auto expressions = selector / "matchExpressions";
    auto& e = list[i];
    if (!known_scope(e.scope_name()))
      out.invalid(expressions / "scopeName", e.scope_name(), "unsupported scope");
    else
      for (auto& [resource, value] : spec.hard())
        if (!fits_scope(e.scope_name(), resource))
          out.invalid(selector, e.scope_name(), "unsupported scope applied to resource");
    bool by_value = e.scope_name() == "PriorityClass" || e.scope_name() == "VolumeAttributesClass";
    if (!by_value && e.operator_() != "Exists")
      out.invalid(expressions / "operator", e.operator_(),
                  "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
                  "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                  "ResourceQuotaScopeNotBestEffort or "
                  "ResourceQuotaScopeCrossNamespacePodAffinity");
    if (e.operator_() == "In" || e.operator_() == "NotIn") {
      if (e.values().empty())
        out.required(
            expressions / "values",
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
    } else if (e.operator_() == "Exists" || e.operator_() == "DoesNotExist") {
      if (!e.values().empty())
        out.invalid(
            expressions / "values", e.values(0),
            "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector");
    } else {
      out.invalid(expressions / "operator", e.operator_(), "not a valid selector operator");
    }
  }
}

void hard(report& out, const path& at, const amounts& map) {
  for (auto& [name, value] : map) {
    auto here = at.key(name);
    quota_resource_name(out, here, name);
    resource_amount(out, here, name, value);
  }
}

void quota(report& out, const ResourceQuota& q) {
  path top;
  auto at = top / "spec";
  hard(out, at / "hard", q.spec().hard());
  scopes(out, at, q.spec());
}

void quota_update(report& out, const ResourceQuota& q, const ResourceQuota& old) {
  path at;
  auto sorted = [](const strings& list) { return std::set<std::string>(list.begin(), list.end()); };
  out.immutable(at / "spec.scopes", "", sorted(q.spec().scopes()) == sorted(old.spec().scopes()));
}

void quota_status(report& out, const ResourceQuota& q, const ResourceQuota&) {
  path top;
  auto at = top / "status";
  hard(out, at / "hard", q.status().hard());
  hard(out, at / "used", q.status().used());
}

/// The amount of `name` in `map`, if it is there.
const k8s::base::Quantity* find(const amounts& map, const std::string& name) {
  auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

void not_above(report& out, const path& at, std::string_view what, const std::string& name,
               const amounts& low, const amounts& high, std::string_view bound) {
  auto small = find(low, name), large = find(high, name);
  if (!small || !large || amount(*small) <= amount(*large)) return;
  auto here = at / what;
  out.invalid(here.key(name), small->string(),
              std::string(what) + " value " + small->string() + " is greater than " +
                  std::string(bound) + " value " + large->string());
}

void ratio(report& out, const path& at, const std::string& name, const LimitRangeItem& item) {
  auto ratio = find(item.max_limit_request_ratio(), name);
  if (!ratio) return;
  auto here = at / "maxLimitRequestRatio";
  auto value = amount(*ratio);
  if (value < quantity::of(1))
    return out.invalid(here.key(name), ratio->string(),
                       "ratio " + ratio->string() + " is less than 1");
  auto min = find(item.min(), name), max = find(item.max(), name);
  if (!min || !max || !(amount(*min) > quantity())) return;
  auto most = amount(*max).approximate() / amount(*min).approximate();
  if (value.approximate() > most)
    out.invalid(here.key(name), ratio->string(),
                "ratio " + ratio->string() + " is greater than max/min = " + std::to_string(most));
}

void limit_range(report& out, const LimitRange& l) {
  path top;
  auto at = top / "spec";
  std::set<std::string> types;
  for (int i = 0; i < l.spec().limits_size(); ++i) {
    auto& item = l.spec().limits(i);
    auto here = at.at("limits", i);
    if (item.type().empty())
      out.required(here / "type");
    else if (item.type() != "Pod" && item.type() != "Container" &&
             item.type() != "PersistentVolumeClaim" && item.type().find('/') == std::string::npos)
      out.invalid(here / "type", item.type(), "must be a standard limit type or fully qualified");
    if (!types.insert(item.type()).second) out.duplicate(here / "type", item.type());
    std::set<std::string> names_seen;
    for (auto& [field, map] :
         {std::pair{"max", &item.max()}, std::pair{"min", &item.min()},
          std::pair{"default", &item.default_()},
          std::pair{"defaultRequest", &item.default_request()},
          std::pair{"maxLimitRequestRatio", &item.max_limit_request_ratio()}}) {
      auto place = here / field;
      for (auto& [name, value] : *map) {
        if (item.type() == "Pod" || item.type() == "Container")
          container_resource_name(out, place.key(name), name);
        else
          resource_name(out, place.key(name), name);
        resource_amount(out, place.key(name), name, value);
        names_seen.insert(name);
      }
    }
    if (item.type() == "Pod") {
      if (!item.default_().empty())
        out.forbidden(here / "default", "may not be specified when `type` is 'Pod'");
      if (!item.default_request().empty())
        out.forbidden(here / "defaultRequest", "may not be specified when `type` is 'Pod'");
    }
    if (item.type() == "PersistentVolumeClaim" && !find(item.min(), "storage") &&
        !find(item.max(), "storage"))
      out.required(here,
                   "either minimum or maximum storage value is required, but neither was provided");
    for (auto& name : names_seen) {
      not_above(out, here, "min", name, item.min(), item.max(), "max");
      not_above(out, here, "defaultRequest", name, item.default_request(), item.max(), "max");
      not_above(out, here, "default", name, item.default_(), item.max(), "max");
      not_above(out, here, "defaultRequest", name, item.default_request(), item.default_(),
                "default limit");
      // The lower bounds: what is given by default must satisfy them.
      auto below = [&](const char* field, const amounts& map) {
        auto value = find(map, name), min = find(item.min(), name);
        if (!value || !min || amount(*value) >= amount(*min)) return;
        auto place = here / field;
        out.invalid(place.key(name), min->string(),
                    "min value " + min->string() + " is greater than " + field + " value " +
                        value->string());
      };
      below("default", item.default_());
      below("defaultRequest", item.default_request());
      ratio(out, here, name, item);
      if (!is_native(name) || is_hugepages(name)) {
        auto request = find(item.default_request(), name), limit = find(item.default_(), name);
        if (request && limit && amount(*request) != amount(*limit)) {
          auto place = here / "defaultRequest";
          out.invalid(place.key(name), request->string(), "must be equal to default limit");
        }
      }
    }
  }
}

} // namespace

std::vector<row> quota_kinds() {
  return {
      kind_row<ResourceQuota>()
          .any_time<quota>()
          .on_update<quota_update>()
          .on_status<quota_status>(),
      kind_row<LimitRange>().any_time<limit_range>(),
  };
}

} // namespace troupe::schema::validate
