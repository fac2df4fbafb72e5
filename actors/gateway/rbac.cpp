#include "actors/gateway/rbac.hpp"

#include "actors/gateway/object.hpp"
#include "messages/base/selector.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

template<class List> bool has(const List& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(), [&](auto& x) { return x == "*" || x == word; });
}

template<class List> bool has_exactly(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool resource_matches(const policy_rule& rule, const attributes& a) {
  auto full = a.subresource.empty() ? a.plural : a.plural + "/" + a.subresource;
  for (auto& r : rule.resources()) {
    if (r == "*" || r == full) return true;
    if (!a.subresource.empty() && r == "*/" + a.subresource) return true;
  }
  return false;
}

bool path_matches(const std::string& pattern, const std::string& path) {
  if (pattern == "*" || pattern == path) return true;
  return pattern.ends_with('*') && std::string_view(path).starts_with(
                                       std::string_view(pattern).substr(0, pattern.size() - 1));
}

template<class List> std::string quoted(const char* name, const List& list) {
  if (list.empty()) return {};
  std::string out = std::string(name) + ":[";
  for (auto& x : list) out.append(out.back() == '[' ? "" : " ").append("\"").append(x).append("\"");
  return out + "]";
}

/// What is behind a key, as a typed object.
template<class Object, class Visit>
void each(const storage::snapshot& now, const schema::registry& kinds, std::string_view plural,
          Visit visit) {
  auto kind = kinds.by_resource("rbac.authorization.k8s.io", "v1", plural);
  for (auto& entry : now.list(prefix_of(*kind))) {
    Object o;
    if (read_entry(entry, o)) visit(o);
  }
}

} // namespace

bool covers(const policy_rule& rule, const attributes& a) {
  if (!has(rule.verbs(), a.verb)) return false;
  if (!a.resource)
    return std::any_of(rule.non_resource_urls().begin(), rule.non_resource_urls().end(),
                       [&](auto& p) { return path_matches(p, a.path); });
  return has(rule.api_groups(), a.group) && resource_matches(rule, a) &&
         (rule.resource_names().empty() ||
          (!a.name.empty() && has_exactly(rule.resource_names(), a.name)));
}

std::vector<policy_rule> missing(const std::vector<const policy_rule*>& owned,
                                 const policy_rule& wanted) {
  // Broken down to single grants; each must be covered by one owned rule.
  auto owns = [&](const attributes& a) {
    return std::any_of(owned.begin(), owned.end(), [&](auto rule) {
      if (a.resource && a.name.empty() && !rule->resource_names().empty()) return false;
      return covers(*rule, a);
    });
  };
  std::vector<policy_rule> out;
  for (auto& group : wanted.api_groups())
    for (auto& resource : wanted.resources())
      for (auto& verb : wanted.verbs()) {
        auto slash = resource.find('/');
        std::vector<std::string> names(wanted.resource_names().begin(),
                                       wanted.resource_names().end());
        if (names.empty()) names.emplace_back();
        for (auto& name : names) {
          attributes a{.verb = verb,
                       .group = group,
                       .plural = resource.substr(0, slash),
                       .subresource = slash == resource.npos ? "" : resource.substr(slash + 1),
                       .name = name};
          if (owns(a)) continue;
          auto& gap = out.emplace_back();
          gap.add_verbs(verb);
          gap.add_api_groups(group);
          gap.add_resources(resource);
          if (!name.empty()) gap.add_resource_names(name);
        }
      }
  for (auto& url : wanted.non_resource_urls())
    for (auto& verb : wanted.verbs()) {
      if (owns({.verb = verb, .resource = false, .path = url})) continue;
      auto& gap = out.emplace_back();
      gap.add_verbs(verb);
      gap.add_non_resource_urls(url);
    }
  return out;
}

std::string describe(const policy_rule& rule) {
  std::string out = "{";
  for (auto& part :
       {quoted("APIGroups", rule.api_groups()), quoted("Resources", rule.resources()),
        quoted("ResourceNames", rule.resource_names()),
        quoted("NonResourceURLs", rule.non_resource_urls()), quoted("Verbs", rule.verbs())})
    if (!part.empty()) out.append(out.size() > 1 ? ", " : "").append(part);
  return out + "}";
}

rule_book::rule_book(const storage::snapshot& now, const schema::registry& kinds) {
  using namespace k8s::rbac::v1;
  std::vector<ClusterRole> cluster_roles;
  each<ClusterRole>(now, kinds, "clusterroles",
                    [&](const ClusterRole& r) { cluster_roles.push_back(r); });
  for (auto& r : cluster_roles) {
    auto own = std::make_shared<rules>(r.rules().begin(), r.rules().end());
    // An aggregated role is what the roles that it selects are, at any moment.
    for (auto& s : r.aggregation_rule().cluster_role_selectors()) {
      auto selector = label_selector::from(s);
      if (!selector) continue;
      for (auto& part : cluster_roles)
        if (&part != &r && selector->matches_map(part.metadata().labels()))
          own->insert(own->end(), part.rules().begin(), part.rules().end());
    }
    roles_["/" + r.metadata().name()] = std::move(own);
  }
  each<Role>(now, kinds, "roles", [&](const Role& r) {
    roles_[r.metadata().namespace_() + "/" + r.metadata().name()] =
        std::make_shared<rules>(r.rules().begin(), r.rules().end());
  });
  each<ClusterRoleBinding>(now, kinds, "clusterrolebindings", [&](const ClusterRoleBinding& b) {
    add_binding({}, b.role_ref(), b.subjects());
  });
  each<RoleBinding>(now, kinds, "rolebindings", [&](const RoleBinding& b) {
    add_binding(b.metadata().namespace_(), b.role_ref(), b.subjects());
  });
}

void rule_book::add_binding(
    const std::string& ns, const k8s::rbac::v1::RoleRef& role,
    const google::protobuf::RepeatedPtrField<k8s::rbac::v1::Subject>& subjects) {
  auto hit = roles_.find((role.kind() == "Role" ? ns : std::string{}) + "/" + role.name());
  if (hit == roles_.end()) return;
  for (auto& s : subjects) {
    auto key =
        s.kind() == "ServiceAccount"
            ? "User:system:serviceaccount:" + (s.namespace_().empty() ? ns : s.namespace_()) + ":" +
                  s.name()
            : s.kind() + ":" + s.name();
    by_subject_[key].push_back({ns, hit->second});
  }
}

std::vector<const policy_rule*> rule_book::rules_of(const user& who, std::string_view ns) const {
  std::vector<const policy_rule*> out;
  auto collect = [&](const std::string& key) {
    auto hit = by_subject_.find(key);
    if (hit == by_subject_.end()) return;
    for (auto& g : hit->second)
      if (g.ns.empty() || g.ns == ns)
        for (auto& rule : *g.what) out.push_back(&rule);
  };
  collect("User:" + who.name);
  for (auto& g : who.groups) collect("Group:" + g);
  return out;
}

bool rule_book::allows(const user& who, const attributes& wanted) const {
  if (who.in("system:masters")) return true;
  for (auto rule : rules_of(who, wanted.ns))
    if (covers(*rule, wanted)) return true;
  return false;
}

std::optional<std::vector<const policy_rule*>>
rule_book::rules_of_role(const std::string& ns, const std::string& name) const {
  auto hit = roles_.find(ns + "/" + name);
  if (hit == roles_.end()) return {};
  std::vector<const policy_rule*> out;
  for (auto& rule : *hit->second) out.push_back(&rule);
  return out;
}

} // namespace troupe::gateway
