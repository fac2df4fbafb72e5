// Nobody grants rights that they do not have: a role's author must hold its rules or may escalate,
// who binds a role must hold its rules or may bind it.
#include "actors/gateway/admission/parts.hpp"

#include "actors/gateway/authorization.hpp"
#include "messages/api/rbac.pb.h"

#include <algorithm>
#include <map>
#include <set>

namespace troupe::gateway {

namespace {

using namespace k8s::rbac::v1;

bool may(const admission_request& r, const char* verb, const std::string& plural,
         const std::string& name, const std::string& ns) {
  return r.g.authorize
      ->check(r.c.who, {.verb = verb,
                        .group = "rbac.authorization.k8s.io",
                        .plural = plural,
                        .name = name,
                        .ns = ns})
      .has_value();
}

/// Single grants that differ only in their verb, told in one line; sorted, each line once.
std::string told(const std::vector<policy_rule>& gaps) {
  std::map<std::string, policy_rule> by_target;
  for (auto& gap : gaps) {
    auto target = gap;
    if (gap.non_resource_urls().empty()) target.clear_verbs();
    auto [hit, fresh] = by_target.try_emplace(target.SerializeAsString(), gap);
    auto& verbs = *hit->second.mutable_verbs();
    if (!fresh && std::find(verbs.begin(), verbs.end(), gap.verbs(0)) == verbs.end())
      *verbs.Add() = gap.verbs(0);
  }
  std::set<std::string> lines;
  for (auto& [target, rule] : by_target) lines.insert(describe(rule));
  std::string out;
  for (auto& line : lines) out.append("\n").append(line);
  return out;
}

template<class Rules> result<void> check_rules(const admission_request& r, const Rules& rules) {
  auto book = r.g.authorize->book();
  auto owned = book->rules_of(r.c.who, r.c.where.ns);
  std::vector<policy_rule> gaps;
  for (auto& rule : rules)
    for (auto& gap : missing(owned, rule)) gaps.push_back(std::move(gap));
  if (gaps.empty()) return {};
  auto lacking = told(gaps);
  std::string groups;
  for (auto& g : r.c.who.groups) groups += (groups.empty() ? "\"" : " \"") + g + "\"";
  return forbidden(*r.c.kind, meta(r.object).name(),
                   "user \"" + r.c.who.name + "\" (groups=[" + groups +
                       "]) is attempting to grant RBAC permissions not currently held:" + lacking);
}

template<class Role> result<void> check_role(const admission_request& r, const Role& role) {
  if (!r.creating() && old_as<Role>(r)->SerializeAsString() == role.SerializeAsString()) return {};
  if (may(r, "escalate", r.c.kind->plural, role.metadata().name(), r.c.where.ns)) return {};
  return check_rules(r, role.rules());
}

template<class Binding>
result<void> check_binding(const admission_request& r, const Binding& binding) {
  bool local = binding.role_ref().kind() == "Role";
  auto plural = local ? "roles" : "clusterroles";
  if (may(r, "bind", plural, binding.role_ref().name(), r.c.where.ns)) return {};
  auto rules = r.g.authorize->book()->rules_of_role(local ? r.c.where.ns : std::string{},
                                                    binding.role_ref().name());
  if (!rules)
    return not_found(*r.c.kinds->by_resource("rbac.authorization.k8s.io", "v1", plural),
                     binding.role_ref().name());
  std::vector<policy_rule> all;
  for (auto rule : *rules) all.push_back(*rule);
  return check_rules(r, all);
}

} // namespace

result<void> admit_escalation(const admission_request& r) {
  if (r.c.kind->group != "rbac.authorization.k8s.io" || r.c.who.in("system:masters")) return {};
  if (auto role = as<Role>(r)) return check_role(r, *role);
  if (auto role = as<ClusterRole>(r)) return check_role(r, *role);
  if (auto binding = as<RoleBinding>(r)) return check_binding(r, *binding);
  if (auto binding = as<ClusterRoleBinding>(r)) return check_binding(r, *binding);
  return {};
}

} // namespace troupe::gateway
