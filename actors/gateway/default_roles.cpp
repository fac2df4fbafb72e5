#include "actors/gateway/default_roles.hpp"

#include "actors/gateway/short_role.hpp"

#include <string>
#include <string_view>

namespace troupe::gateway {

namespace {

using k8s::rbac::v1::ClusterRole;
using k8s::rbac::v1::ClusterRoleBinding;
using k8s::rbac::v1::Role;
using k8s::rbac::v1::RoleBinding;

using verbs::read;

template<class Add> void split(std::string_view text, Add add) {
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    add(std::string(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

/// Roles of one namespace, for who helps the cluster to begin or to choose a leader.
struct namespace_role {
  const char* ns;
  const char* name;
  std::vector<short_rule> rules;
};

const std::vector<namespace_role>& namespace_roles() {
  constexpr const char* lead = "create,get,list,update,watch";
  static const std::vector<namespace_role> roles{
      {"kube-public",
       "system:controller:bootstrap-signer",
       {{"core", "configmaps", read},
        {"core", "configmaps", "update", "cluster-info"},
        tell_events}},
      {"kube-system",
       "extension-apiserver-authentication-reader",
       {{"core", "configmaps", read, "extension-apiserver-authentication"}}},
      {"kube-system",
       "system::leader-locking-kube-controller-manager",
       {{"coordination.k8s.io", "leases", lead}, {"coordination.k8s.io", "leasecandidates", lead}}},
      {"kube-system",
       "system::leader-locking-kube-scheduler",
       {{"coordination.k8s.io", "leases", lead}, {"coordination.k8s.io", "leasecandidates", lead}}},
      {"kube-system", "system:controller:bootstrap-signer", {{"core", "secrets", read}}},
      {"kube-system",
       "system:controller:cloud-provider",
       {{"core", "configmaps", "create,get,list,watch"}}},
      {"kube-system",
       "system:controller:token-cleaner",
       {{"core", "secrets", "delete,get,list,watch"}, tell_events}},
  };
  return roles;
}

/// Subjects are users, "group:" and a group, or "account:" and an account of kube-system.
struct short_binding {
  const char* ns; ///< empty for all of them
  const char* name;
  const char* role;
  const char* subjects;
};

constexpr short_binding cluster_bindings[] = {
    {"", "cluster-admin", "", "group:system:masters"},
    {"", "system:monitoring", "", "group:system:monitoring"},
    {"", "system:discovery", "", "group:system:authenticated"},
    {"", "system:basic-user", "", "group:system:authenticated"},
    {"", "system:public-info-viewer", "",
     "group:system:authenticated,group:system:unauthenticated"},
    {"", "system:node-proxier", "", "system:kube-proxy"},
    {"", "system:kube-controller-manager", "", "system:kube-controller-manager"},
    {"", "system:kube-dns", "", "account:kube-dns"},
    {"", "system:kube-scheduler", "", "system:kube-scheduler"},
    {"", "system:volume-scheduler", "", "system:kube-scheduler"},
    {"", "system:node", "", ""}, // the Node authorizer gives them their rights
    {"", "system:service-account-issuer-discovery", "", "group:system:serviceaccounts"},
};

constexpr short_binding namespace_bindings[] = {
    {"kube-public", "system:controller:bootstrap-signer", "", "account:bootstrap-signer"},
    {"kube-system", "system::extension-apiserver-authentication-reader",
     "extension-apiserver-authentication-reader",
     "system:kube-controller-manager,system:kube-scheduler"},
    {"kube-system", "system::leader-locking-kube-controller-manager", "",
     "system:kube-controller-manager,account:kube-controller-manager,"
     "account:leader-election-controller"},
    {"kube-system", "system::leader-locking-kube-scheduler", "",
     "system:kube-scheduler,account:kube-scheduler"},
    {"kube-system", "system:controller:bootstrap-signer", "", "account:bootstrap-signer"},
    {"kube-system", "system:controller:cloud-provider", "", "account:cloud-provider"},
    {"kube-system", "system:controller:token-cleaner", "", "account:token-cleaner"},
};

/// What a server sees to at every start is told by a label and an annotation.
template<class Object> void mark_as_default(Object& object, const std::string& name) {
  auto& meta = *object.mutable_metadata();
  meta.set_name(name);
  (*meta.mutable_labels())["kubernetes.io/bootstrapping"] = "rbac-defaults";
  (*meta.mutable_annotations())["rbac.authorization.kubernetes.io/autoupdate"] = "true";
}

template<class Role> void add_rules(Role& role, const std::vector<short_rule>& rules) {
  for (auto& rule : rules) {
    auto& to = *role.add_rules();
    split(rule.verbs, [&](const std::string& v) { to.add_verbs(v); });
    if (std::string_view(rule.groups) == "url") {
      split(rule.resources, [&](const std::string& u) { to.add_non_resource_urls(u); });
      continue;
    }
    split(rule.groups, [&](const std::string& g) { to.add_api_groups(g == "core" ? "" : g); });
    split(rule.resources, [&](const std::string& x) { to.add_resources(x); });
    split(rule.names, [&](const std::string& x) { to.add_resource_names(x); });
  }
}

template<class Binding> Binding bind(const short_binding& from, const char* kind) {
  constexpr const char* group = "rbac.authorization.k8s.io";
  Binding b;
  mark_as_default(b, from.name);
  if (*from.ns) b.mutable_metadata()->set_namespace_(from.ns);
  b.mutable_role_ref()->set_api_group(group);
  b.mutable_role_ref()->set_kind(kind);
  b.mutable_role_ref()->set_name(*from.role ? from.role : from.name);
  split(from.subjects, [&](std::string_view name) {
    auto& s = *b.add_subjects();
    auto is = [&](std::string_view prefix) {
      if (!name.starts_with(prefix)) return false;
      name.remove_prefix(prefix.size());
      return true;
    };
    if (is("account:")) {
      s.set_kind("ServiceAccount");
      s.set_namespace_("kube-system");
    } else {
      s.set_kind(is("group:") ? "Group" : "User");
      s.set_api_group(group);
    }
    s.set_name(std::string(name));
  });
  return b;
}

const std::string controller_prefix = "system:controller:";

} // namespace

std::vector<ClusterRole> default_cluster_roles() {
  std::vector<ClusterRole> out;
  for (auto& from : cluster_roles()) {
    auto& r = out.emplace_back();
    mark_as_default(r, from.name);
    const std::string to = "rbac.authorization.k8s.io/aggregate-to-";
    if (*from.aggregate_to)
      (*r.mutable_metadata()->mutable_labels())[to + from.aggregate_to] = "true";
    if (*from.aggregates)
      (*r.mutable_aggregation_rule()
            ->add_cluster_role_selectors()
            ->mutable_match_labels())[to + from.aggregates] = "true";
    add_rules(r, from.rules);
  }
  for (auto& from : controller_roles()) {
    auto& r = out.emplace_back();
    mark_as_default(r, controller_prefix + from.account);
    add_rules(r, from.rules);
  }
  return out;
}

std::vector<ClusterRoleBinding> default_cluster_role_bindings() {
  std::vector<ClusterRoleBinding> out;
  for (auto& from : cluster_bindings) out.push_back(bind<ClusterRoleBinding>(from, "ClusterRole"));
  for (auto& from : controller_roles()) {
    auto name = controller_prefix + from.account;
    auto subject = std::string("account:") + from.account;
    out.push_back(bind<ClusterRoleBinding>({"", name.c_str(), "", subject.c_str()}, "ClusterRole"));
  }
  return out;
}

std::vector<Role> default_roles() {
  std::vector<Role> out;
  for (auto& from : namespace_roles()) {
    auto& r = out.emplace_back();
    mark_as_default(r, from.name);
    r.mutable_metadata()->set_namespace_(from.ns);
    add_rules(r, from.rules);
  }
  return out;
}

std::vector<RoleBinding> default_role_bindings() {
  std::vector<RoleBinding> out;
  for (auto& from : namespace_bindings) out.push_back(bind<RoleBinding>(from, "Role"));
  return out;
}

} // namespace troupe::gateway
