// Roles and their bindings. Whether the author may grant what they hold is the server's question.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/rbac.pb.h"

namespace troupe::schema::validate {

namespace {

using namespace k8s::rbac::v1;

constexpr std::string_view group = "rbac.authorization.k8s.io";

void rule(report& out, const path& at, const PolicyRule& r, bool namespaced) {
  if (r.verbs().empty()) out.required(at / "verbs", "verbs must contain at least one value");
  if (r.non_resource_urls_size() > 0) {
    auto urls = at / "nonResourceURLs";
    if (namespaced)
      out.invalid(urls, r.non_resource_urls(0),
                  "namespaced rules cannot apply to non-resource URLs");
    if (r.api_groups_size() > 0 || r.resources_size() > 0 || r.resource_names_size() > 0)
      out.invalid(urls, r.non_resource_urls(0),
                  "rules cannot apply to both regular resources and non-resource URLs");
    return;
  }
  if (r.api_groups().empty())
    out.required(at / "apiGroups", "resource rules must supply at least one api group");
  if (r.resources().empty())
    out.required(at / "resources", "resource rules must supply at least one resource");
}

void role(report& out, const Role& r) {
  path at;
  for (int i = 0; i < r.rules_size(); ++i) rule(out, at.at("rules", i), r.rules(i), true);
}

void cluster_role(report& out, const ClusterRole& r) {
  path at;
  for (int i = 0; i < r.rules_size(); ++i) rule(out, at.at("rules", i), r.rules(i), false);
  if (!r.has_aggregation_rule()) return;
  auto here = at / "aggregationRule";
  auto& selectors = r.aggregation_rule().cluster_role_selectors();
  if (selectors.empty())
    out.required(here / "clusterRoleSelectors",
                 "at least one clusterRoleSelector required if aggregationRule is non-nil");
  for (int i = 0; i < selectors.size(); ++i)
    label_selector(out, here.at("clusterRoleSelectors", i), selectors[i]);
}

void subject(report& out, const path& at, const Subject& s, bool namespaced) {
  out.not_empty(at / "name", s.name());
  if (s.kind() == "ServiceAccount") {
    if (!s.name().empty()) out.invalid(at / "name", s.name(), names::dns_subdomain(s.name()));
    if (!s.api_group().empty()) out.not_supported(at / "apiGroup", s.api_group(), {""});
    if (!namespaced && s.namespace_().empty()) out.required(at / "namespace");
  } else if (s.kind() == "User" || s.kind() == "Group") {
    if (s.api_group() != group) out.not_supported(at / "apiGroup", s.api_group(), {group});
  } else {
    out.not_supported(at / "kind", s.kind(), {"ServiceAccount", "User", "Group"});
  }
}

template<class Binding> void binding(report& out, const Binding& b) {
  path at;
  constexpr bool namespaced = std::is_same_v<Binding, RoleBinding>;
  auto ref = at / "roleRef";
  if (b.role_ref().api_group() != group)
    out.not_supported(ref / "apiGroup", b.role_ref().api_group(), {group});
  bool known =
      b.role_ref().kind() == "ClusterRole" || (namespaced && b.role_ref().kind() == "Role");
  if (!known && namespaced)
    out.not_supported(ref / "kind", b.role_ref().kind(), {"Role", "ClusterRole"});
  if (!known && !namespaced) out.not_supported(ref / "kind", b.role_ref().kind(), {"ClusterRole"});
  if (b.role_ref().name().empty())
    out.required(ref / "name");
  else
    out.invalid(ref / "name", b.role_ref().name(), names::path_segment(b.role_ref().name()));
  for (int i = 0; i < b.subjects_size(); ++i)
    subject(out, at.at("subjects", i), b.subjects(i), namespaced);
}

template<class Binding> void binding_update(report& out, const Binding& b, const Binding& old) {
  path at;
  if (!same(b.role_ref(), old.role_ref()))
    out.invalid(at / "roleRef", b.role_ref().name(), "cannot change roleRef");
}

} // namespace

std::vector<row> rbac_kinds() {
  return {
      kind_row<Role>(names::path_segment).any_time<role>(),
      kind_row<ClusterRole>(names::path_segment).any_time<cluster_role>(),
      kind_row<RoleBinding>(names::path_segment)
          .any_time<binding<RoleBinding>>()
          .on_update<binding_update<RoleBinding>>(),
      kind_row<ClusterRoleBinding>(names::path_segment)
          .any_time<binding<ClusterRoleBinding>>()
          .on_update<binding_update<ClusterRoleBinding>>(),
  };
}

} // namespace troupe::schema::validate
