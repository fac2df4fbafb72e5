// Role-based access control: roles and bindings compiled into one book of rules, asked for every
// request. Pure; made anew from a snapshot whenever a role or binding changes.
#pragma once

#include "actors/gateway/user.hpp"
#include "messages/api/rbac.pb.h"
#include "messages/schema/kind.hpp"
#include "storage/snapshot.hpp"

#include <memory>
#include <optional>
#include <unordered_map>

namespace troupe::gateway {

/// One thing that somebody wants to do.
struct attributes {
  std::string verb;
  bool resource = true;
  std::string group, version, plural, subresource, name, ns;
  std::string path;    ///< when it is not about a resource
  std::string of_node; ///< the one spec.nodeName that a field selector asks for
};

using policy_rule = k8s::rbac::v1::PolicyRule;

/// Whether a rule covers what is wanted.
bool covers(const policy_rule& rule, const attributes& wanted);
/// What `wanted` grants and none of `owned` does: one rule for each single grant.
std::vector<policy_rule> missing(const std::vector<const policy_rule*>& owned,
                                 const policy_rule& wanted);
/// `{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`, as refusals name it.
std::string describe(const policy_rule& rule);

class rule_book {
public:
  rule_book(const storage::snapshot& now, const schema::registry& kinds);

  bool allows(const user& who, const attributes& wanted) const;
  /// Every rule that holds for `who` in `ns` (cluster-wide ones only, when it is empty).
  std::vector<const policy_rule*> rules_of(const user& who, std::string_view ns) const;
  /// The rules of a role; `ns` is empty for a cluster role. Nothing if there is none.
  std::optional<std::vector<const policy_rule*>> rules_of_role(const std::string& ns,
                                                               const std::string& name) const;

private:
  using rules = std::vector<policy_rule>;
  struct grant {
    std::string ns; ///< empty: everywhere
    std::shared_ptr<const rules> what;
  };
  void add_binding(const std::string& ns, const k8s::rbac::v1::RoleRef& role,
                   const google::protobuf::RepeatedPtrField<k8s::rbac::v1::Subject>& subjects);

  std::unordered_map<std::string, std::shared_ptr<const rules>> roles_; // "ns/name"
  std::unordered_map<std::string, std::vector<grant>> by_subject_;      // "User:x", "Group:y"
};

} // namespace troupe::gateway
