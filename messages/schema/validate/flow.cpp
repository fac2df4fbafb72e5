// Flow control: which requests share which part of the server.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/flow_control.pb.h"
#include "messages/schema/default_flow.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace troupe::schema::validate {

namespace {

using namespace k8s::flowcontrol::v1;

constexpr int32_t precedence_max = 10'000;
constexpr int32_t queues_max = 10'000'000;

constexpr int hash_bits_max = 60;

/// A list as Go prints it.
void account(report& out, const path& at, const ServiceAccountSubject& s) {
  if (out.not_empty(at / "name", s.name()) && s.name() != "*")
    out.invalid(at / "name", s.name(), names::dns_subdomain(s.name()));
  if (out.not_empty(at / "namespace", s.namespace_(), "must specify namespace for service account"))
    out.invalid(at / "namespace", s.namespace_(), names::dns_label(s.namespace_()));
}

/// A subject names one of three, as its kind says.
void subject(report& out, const path& at, const Subject& s) {
  struct one {
    const char *kind, *field;
    bool there;
  } all[] = {{"ServiceAccount", "serviceAccount", s.has_service_account()},
             {"User", "user", s.has_user()},
             {"Group", "group", s.has_group()}};
  auto named =
      std::find_if(std::begin(all), std::end(all), [&](auto& x) { return x.kind == s.kind(); });
  if (named == std::end(all))
    return out.not_supported(at / "kind", s.kind(), {"Group", "ServiceAccount", "User"});
  auto here = at / named->field;
  if (!named->there)
    out.required(here, std::string(named->field) + " is required when subject kind is '" +
                           named->kind + "'");
  else if (s.kind() == "ServiceAccount")
    account(out, here, s.service_account());
  else
    out.not_empty(here / "name", s.kind() == "User" ? s.user().name() : s.group().name());
  // The others are looked at in an order of their own.
  for (auto field : {"serviceAccount", "user", "group"})
    for (auto& x : all)
      if (&x != named && x.there && std::string_view(x.field) == field)
        out.forbidden(at / x.field, std::string(x.field) +
                                        " is forbidden when subject kind is not '" + x.kind + "'");
}

void verbs(report& out, const path& at, const strings& list) {
  if (list.empty()) return out.required(at, "verbs must contain at least one value");
  if (has_star(out, at, list, "verbs")) return;
  constexpr std::string_view known[] = {
      "get", "list", "create", "update", "delete", "deletecollection", "patch", "watch", "proxy"};
  bool fine = std::all_of(list.begin(), list.end(), [&](auto& v) {
    return std::find(std::begin(known), std::end(known), v) != std::end(known);
  });
  if (!fine)
    out.not_supported(at, shown::plain(json_of(list)),
                      {"create", "delete", "deletecollection", "get", "list", "patch", "proxy",
                       "update", "watch"});
}

void namespaces(report& out, const path& at, const ResourcePolicyRule& r) {
  auto& list = r.namespaces();
  if (list.empty() && !r.cluster_scope())
    return out.required(
        at, "resource rules that are not cluster scoped must supply at least one namespace");
  if (has_star(out, at, list, "namespaces")) return;
  for (int i = 0; i < list.size(); ++i)
    for (auto& fault : names::dns_label(list[i]))
      out.invalid(at[i], list[i],
                  "each member of this list must be '*' or a DNS-1123 label; " + fault);
}

void resource_rule(report& out, const path& at, const ResourcePolicyRule& r) {
  verbs(out, at / "verbs", r.verbs());
  if (r.api_groups().empty())
    out.required(at / "apiGroups", "resource rules must supply at least one api group");
  else
    has_star(out, at / "apiGroups", r.api_groups(), "api groups");
  if (r.resources().empty())
    out.required(at / "resources", "resource rules must supply at least one resource");
  else
    has_star(out, at / "resources", r.resources(), "resources");
  namespaces(out, at / "namespaces", r);
}

/// What is wrong with a path, if anything is; "/a/*" stands for all below "/a".
const char* wrong_path(std::string_view text) {
  if (text.empty()) return "must not be empty";
  if (text == "/") return nullptr;
  if (!text.starts_with('/')) return "must start with slash";
  if (text.find(' ') != text.npos) return "must not contain white-space";
  if (text.find("//") != text.npos) return "must not contain double slash";
  auto stars = std::count(text.begin(), text.end(), '*');
  if (stars > 1 || (stars == 1 && !text.ends_with("/*")))
    return "wildcard can only do suffix matching";
  return nullptr;
}

void path_rule(report& out, const path& at, const NonResourcePolicyRule& r) {
  verbs(out, at / "verbs", r.verbs());
  auto urls = at / "nonResourceURLs";
  auto& list = r.non_resource_urls();
  if (list.empty()) return out.required(urls, "nonResourceURLs must contain at least one value");
  if (has_star(out, urls, list, "non-resource URLs")) return;
  for (int i = 0; i < list.size(); ++i)
    if (auto wrong = wrong_path(list[i])) out.invalid(urls[i], list[i], wrong);
}

void rule(report& out, const path& at, const PolicyRulesWithSubjects& r) {
  if (r.subjects().empty())
    out.required(at / "subjects", "subjects must contain at least one value");
  for (int i = 0; i < r.subjects_size(); ++i) subject(out, at.at("subjects", i), r.subjects(i));
  if (r.resource_rules().empty() && r.non_resource_rules().empty())
    out.required(at, "at least one of resourceRules and nonResourceRules has to be non-empty");
  for (int i = 0; i < r.resource_rules_size(); ++i)
    resource_rule(out, at.at("resourceRules", i), r.resource_rules(i));
  for (int i = 0; i < r.non_resource_rules_size(); ++i)
    path_rule(out, at.at("nonResourceRules", i), r.non_resource_rules(i));
}

template<class Status> void conditions(report& out, const path& at, const Status& status) {
  std::set<std::string> seen;
  for (int i = 0; i < status.conditions_size(); ++i) {
    auto here = at.at("conditions", i);
    auto& type = status.conditions(i).type();
    if (!seen.insert(type).second) out.duplicate(here / "type", type);
    if (type.empty()) out.required(here / "type", "must not be empty");
  }
}

/// Objects that nobody may change have this form.
template<class Objects, class Object> const Object* fixed(const Objects& all, const Object& like) {
  auto& name = like.metadata().name();
  if (name != "exempt" && name != "catch-all") return nullptr;
  auto hit =
      std::find_if(all.begin(), all.end(), [&](auto& x) { return x.metadata().name() == name; });
  return hit == all.end() ? nullptr : &*hit;
}

void flow_schema(report& out, const FlowSchema& f) {
  path top;
  auto at = top / "spec";
  auto& s = f.spec();
  auto precedence = at / "matchingPrecedence";
  if (s.matching_precedence() <= 0)
    out.invalid(precedence, s.matching_precedence(), "must be a positive value");
  if (s.matching_precedence() > precedence_max)
    out.invalid(precedence, s.matching_precedence(), "must not be greater than 10000");
  if (s.matching_precedence() == 1 && f.metadata().name() != "exempt")
    out.invalid(precedence, 1, "only the schema named 'exempt' may have matchingPrecedence 1");
  auto& method = s.distinguisher_method().type();
  if (s.has_distinguisher_method() && method != "ByNamespace" && method != "ByUser")
    out.not_supported(at / "distinguisherMethod.type", method, {"ByNamespace", "ByUser"});
  auto level = at / "priorityLevelConfiguration.name";
  auto& name = s.priority_level_configuration().name();
  if (out.not_empty(level, name, "must reference a priority level"))
    out.invalid(level, name, names::dns_subdomain(name));
  for (int i = 0; i < s.rules_size(); ++i) rule(out, at.at("rules", i), s.rules(i));
  static const auto known = default_flow_schemas(0);
  if (auto wanted = fixed(known, f); wanted && !same(wanted->spec(), s))
    out.invalid(at, shown::plain("{...}"),
                "spec of '" + f.metadata().name() + "' must equal the fixed value");
  conditions(out, top / "status", f.status());
}

void positive(report& out, const path& at, int64_t value) {
  if (value <= 0) out.invalid(at, value, "must be positive");
}

void share(report& out, const path& at, int64_t value) {
  if (value < 0) out.invalid(at, value, "must be a non-negative integer");
}

void percent(report& out, const path& at, int64_t value) {
  if (value < 0 || value > 100) out.invalid(at, value, "must be between 0 and 100, inclusive");
}

/// Hands are dealt from one hash, so there may not be more of them than it has bits for.
void hand(report& out, const path& at, int32_t size, int32_t queues) {
  if (size <= 0) return out.invalid(at, size, "must be positive");
  if (size > queues)
    return out.invalid(at, size,
                       "should not be greater than queues (" + std::to_string(queues) + ")");
  if (std::ceil(std::log2(queues) * size) > hash_bits_max)
    out.invalid(at, size,
                "required entropy bits of deckSize " + std::to_string(queues) + " and handSize " +
                    std::to_string(size) + " should not be greater than " +
                    std::to_string(hash_bits_max));
}

void queuing(report& out, const path& at, const QueuingConfiguration& q) {
  positive(out, at / "queueLengthLimit", q.queue_length_limit());
  positive(out, at / "queues", q.queues());
  if (q.queues() > queues_max)
    out.invalid(at / "queues", q.queues(), "must not be greater than 10000000");
  hand(out, at / "handSize", q.hand_size(), q.queues());
}

void limited(report& out, const path& at, const LimitedPriorityLevelConfiguration& l) {
  share(out, at / "nominalConcurrencyShares", l.nominal_concurrency_shares());
  auto response = at / "limitResponse";
  auto& r = l.limit_response();
  auto here = response / "queuing";
  if (r.type() == "Reject") {
    if (r.has_queuing())
      out.forbidden(here, "must be nil if limited.limitResponse.type is not Limited");
  } else if (r.type() != "Queue") {
    out.not_supported(response / "type", r.type(), {"Queue", "Reject"});
  } else if (!r.has_queuing()) {
    out.required(here, "must not be empty if limited.limitResponse.type is Limited");
  } else {
    queuing(out, here, r.queuing());
  }
  percent(out, at / "lendablePercent", l.lendable_percent());
  if (l.borrowing_limit_percent() < 0)
    out.invalid(at / "borrowingLimitPercent", l.borrowing_limit_percent(),
                "if specified, must be a non-negative integer");
}

void level_spec(report& out, const path& at, const PriorityLevelConfiguration& p) {
  auto& s = p.spec();
  if ((p.metadata().name() == "exempt") != (s.type() == "Exempt"))
    out.invalid(at / "type", s.type(), "type must be 'Exempt' if and only if name is 'exempt'");
  if (s.type() == "Exempt") {
    if (s.has_limited()) out.forbidden(at / "limited", "must be nil if the type is not Limited");
    share(out, at / "exempt.nominalConcurrencyShares", s.exempt().nominal_concurrency_shares());
    percent(out, at / "exempt.lendablePercent", s.exempt().lendable_percent());
    return;
  }
  if (s.type() != "Limited") return out.not_supported(at / "type", s.type(), {"Exempt", "Limited"});
  if (s.has_exempt()) out.forbidden(at / "exempt", "must be nil if the type is Limited");
  if (s.has_limited())
    limited(out, at / "limited", s.limited());
  else
    out.required(at / "limited", "must not be empty when type is Limited");
}

void priority_level(report& out, const PriorityLevelConfiguration& p) {
  path top;
  auto at = top / "spec";
  level_spec(out, at, p);
  static const auto known = default_priority_levels();
  if (auto wanted = fixed(known, p)) {
    auto given = p.spec();
    bool exempt = p.metadata().name() == "exempt"; // its shares may be changed
    if (exempt) *given.mutable_exempt() = wanted->spec().exempt();
    if (!same(wanted->spec(), given))
      out.invalid(at, shown::plain("{...}"),
                  "spec of '" + p.metadata().name() + "'" +
                      (exempt ? " except the 'spec.exempt' field" : "") +
                      " must equal the fixed value");
  }
  conditions(out, top / "status", p.status());
}

} // namespace

std::vector<row> flow_kinds() {
  return {
      kind_row<FlowSchema>().any_time<flow_schema>(),
      kind_row<PriorityLevelConfiguration>().any_time<priority_level>(),
  };
}

} // namespace troupe::schema::validate
