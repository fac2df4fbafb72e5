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
           resource == "requests.cpu" || resource == "requests.memory" ||
           resource == "limits.cpu" || resource == "limits.memory";
  };
  // What has no name of its own in quotas is not judged.
  if (!is_quota_resource(resource) || !known_scope(scope)) return true;
  if (scope == "BestEffort") return resource == "pods";
  if (scope == "VolumeAttributesClass")
    return resource == "persistentvolumeclaims" || resource == "requests.storage";
  return compute();
}

void scopes(report& out, const path& at, const ResourceQuotaSpec& spec) {
  auto here = at / "scopes";
  auto conflicting = [&](const path& where, auto& list, auto name_of) {
    for (auto [a, b] :
         {std::pair{"BestEffort", "NotBestEffort"}, std::pair{"Terminating", "NotTerminating"}}) {
      auto has = [&](std::string_view scope) {
        return std::any_of(list.begin(), list.end(), [&](auto& s) { return name_of(s) == scope; });
      };
      if (has(a) && has(b)) out.invalid(where, a, "conflicting scopes");
    }
  };
  for (auto& s : spec.scopes()) {
    if (!known_scope(s)) out.invalid(here, s, "unsupported scope");
    for (auto& [resource, value] : spec.hard())
      if (!fits_scope(s, resource)) out.invalid(here, s, "unsupported scope applied to resource");
  }
  conflicting(here, spec.scopes(), [](auto& s) { return s; });
  auto selector = at / "scopeSelector";
  auto& list = spec.scope_selector().match_expressions();
  for (int i = 0; i < list.size(); ++i) {
    auto expressions = selector / "matchExpressions";
    auto& e = list[i];
    if (!known_scope(e.scope_name()))
      out.invalid(expressions / "scopeName", e.scope_name(), "unsupported scope");
    for (auto& [resource, value] : spec.hard())
      if (!fits_scope(e.scope_name(), resource))
        out.invalid(expressions, e.scope_name(), "unsupported scope applied to resource");
    bool by_value = e.scope_name() == "PriorityClass" ||
                    e.scope_name() == "VolumeAttributesClass" || !known_scope(e.scope_name());
    if (!by_value && e.operator_() != "Exists")
      out.invalid(expressions / "operator", e.operator_(),
                  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
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
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
    } else {
      out.invalid(expressions / "operator", e.operator_(), "not a valid selector operator");
    }
  }
  conflicting(selector / "matchExpressions", list, [](auto& e) { return e.scope_name(); });
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
  out.immutable(at / "spec.scopes", shown::plain(json_of(q.spec().scopes())),
                sorted(q.spec().scopes()) == sorted(old.spec().scopes()));
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

/// Two bounds of one resource that contradict each other. The fault is told of `at`, and shows
/// `shown`.
struct bound {
  const char* field;
  const char* name; ///< in messages
  const amounts& map;
};

void not_above(report& out, const path& at, const std::string& name, const bound& low,
               const bound& high, const char* told) {
  auto small = find(low.map, name), large = find(high.map, name);
  if (!small || !large || amount(*small) <= amount(*large)) return;
  auto here = at / told;
  out.invalid(here.key(name), small->string(),
              std::string(low.name) + " value " + small->string() + " is greater than " +
                  high.name + " value " + large->string());
}

void ratio(report& out, const path& at, const std::string& name, const LimitRangeItem& item) {
  auto ratio = find(item.max_limit_request_ratio(), name);
  if (!ratio) return;
  auto here = at / "maxLimitRequestRatio";
  auto value = amount(*ratio);
  if (value < quantity::of(1))
    out.invalid(here.key(name), ratio->string(), "ratio " + ratio->string() + " is less than 1");
  auto min = find(item.min(), name), max = find(item.max(), name);
  if (!min || !max || !(amount(*min) > quantity())) return;
  auto most = amount(*max).approximate() / amount(*min).approximate();
  if (value.approximate() > most)
    out.invalid(here.key(name), ratio->string(),
                "ratio " + ratio->string() + " is greater than max/min = " + std::to_string(most));
}

void limit(report& out, const path& at, const LimitRangeItem& item) {
  std::set<std::string> seen;
  auto names_of = [&](const char* field, const amounts& map) {
    auto place = at / field;
    for (auto& [name, value] : map) {
      if (item.type() == "Pod" || item.type() == "Container")
        container_resource_name(out, place.key(name), name);
      else
        resource_name(out, place.key(name), name);
      seen.insert(name);
    }
  };
  // The bounds that are compared with each other; a pod gets nothing by default.
  const amounts none;
  bool pod = item.type() == "Pod";
  bound min{"min", "min", item.min()}, max{"max", "max", item.max()};
  bound given{"default", "default", pod ? none : item.default_()};
  bound asked{"defaultRequest", "default request", pod ? none : item.default_request()};
  names_of("max", item.max());
  names_of("min", item.min());
  if (pod) {
    if (!item.default_().empty())
      out.forbidden(at / "default", "may not be specified when `type` is 'Pod'");
    if (!item.default_request().empty())
      out.forbidden(at / "defaultRequest", "may not be specified when `type` is 'Pod'");
  }
  names_of("default", given.map);
  names_of("defaultRequest", asked.map);
  if (item.type() == "PersistentVolumeClaim" && !find(item.min(), "storage") &&
      !find(item.max(), "storage"))
    out.required(at / "limits",
                 "either minimum or maximum storage value is required, but neither was provided");
  names_of("maxLimitRequestRatio", item.max_limit_request_ratio());
  for (auto& name : seen) {
    not_above(out, at, name, min, max, min.field);
    not_above(out, at, name, min, asked, asked.field);
    not_above(out, at, name, asked, max, asked.field);
    not_above(out, at, name, asked, {"", "default limit", given.map}, asked.field);
    not_above(out, at, name, min, given, given.field);
    not_above(out, at, name, given, max, given.field);
    ratio(out, at, name, item);
    auto request = find(asked.map, name), most = find(given.map, name);
    bool overcommit = is_native(name) && !is_hugepages(name);
    if (overcommit || !request || !most || amount(*request) == amount(*most)) continue;
    auto place = at / asked.field;
    out.invalid(place.key(name), request->string(),
                "default value " + most->string() + " must equal to defaultRequest value " +
                    request->string() + " in " + name);
  }
}

void limit_range(report& out, const LimitRange& l) {
  path top;
  auto at = top / "spec";
  std::set<std::string> types;
  for (int i = 0; i < l.spec().limits_size(); ++i) {
    auto& type = l.spec().limits(i).type();
    auto here = at.at("limits", i);
    auto faults = names::qualified(type);
    out.invalid(here / "type", type, faults);
    if (faults.empty() && type != "Pod" && type != "Container" && type != "PersistentVolumeClaim" &&
        type.find('/') == std::string::npos)
      out.invalid(here / "type", type, "must be a standard limit type or fully qualified");
    if (!types.insert(type).second) out.duplicate(here / "type", type);
    limit(out, here, l.spec().limits(i));
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
