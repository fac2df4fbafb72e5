// The roles that every cluster begins with, and who they are bound to: the names and rights
// that users of Kubernetes rely on.
#pragma once

#include "messages/api/rbac.pb.h"

#include <vector>

namespace troupe::gateway {

std::vector<k8s::rbac::v1::ClusterRole> default_cluster_roles();
std::vector<k8s::rbac::v1::ClusterRoleBinding> default_cluster_role_bindings();
std::vector<k8s::rbac::v1::Role> default_roles();
std::vector<k8s::rbac::v1::RoleBinding> default_role_bindings();

} // namespace troupe::gateway
