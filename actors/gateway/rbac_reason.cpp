#include "actors/gateway/rbac_reason.hpp"

#include "actors/gateway/object.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::rbac::v1::Subject;

bool is_subject(const Subject& s, const user& who, const std::string& ns) {
  if (s.kind() == "User") return s.name() == who.name;
  if (s.kind() == "Group") return who.in(s.name());
  auto& space = s.namespace_().empty() ? ns : s.namespace_();
  return who.name == "system:serviceaccount:" + space + ":" + s.name();
}

std::string described(const Subject& s, const std::string& ns) {
  auto name = s.name();
  if (s.kind() == "ServiceAccount") name += "/" + (s.namespace_().empty() ? ns : s.namespace_());
  return s.kind() + " \"" + name + "\"";
}

/// The first binding of a kind that grants what is wanted, described.
template<class Binding>
std::string granted_by(const rule_book& book, const storage::snapshot& now, const char* plural,
                       const user& who, const attributes& wanted) {
  auto kind = schema::registry::built_in()->by_resource("rbac.authorization.k8s.io", "v1", plural);
  auto ns = kind->namespaced ? wanted.ns : std::string{};
  if (kind->namespaced && ns.empty()) return {};
  for (auto& entry : now.list(prefix_of(*kind, ns))) {
    Binding b;
    if (!read_entry(entry, b)) continue;
    auto subject = std::find_if(b.subjects().begin(), b.subjects().end(),
                                [&](auto& s) { return is_subject(s, who, ns); });
    if (subject == b.subjects().end()) continue;
    auto& role = b.role_ref();
    auto rules = book.rules_of_role(role.kind() == "Role" ? ns : std::string{}, role.name());
    if (!rules || std::none_of(rules->begin(), rules->end(),
                               [&](auto rule) { return covers(*rule, wanted); }))
      continue;
    auto name = b.metadata().name() + (ns.empty() ? "" : "/" + ns);
    return "RBAC: allowed by " + kind->name + " \"" + name + "\" of " + role.kind() + " \"" +
           role.name() + "\" to " + described(*subject, ns);
  }
  return {};
}

} // namespace

std::string why_allowed(const rule_book& book, const storage::snapshot& now, const user& who,
                        const attributes& wanted) {
  using namespace k8s::rbac::v1;
  if (who.in("system:masters")) return {}; // they need no rule
  auto why = granted_by<ClusterRoleBinding>(book, now, "clusterrolebindings", who, wanted);
  return why.empty() ? granted_by<RoleBinding>(book, now, "rolebindings", who, wanted) : why;
}

} // namespace troupe::gateway
