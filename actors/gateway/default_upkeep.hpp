// What a server that starts makes of default objects that are there already: what is new in them
// since is added, what others added stays, and who says that it shall not is left alone. Pure.
#pragma once

#include "messages/api/flow_control.pb.h"
#include "messages/api/network_address.pb.h"
#include "messages/api/rbac.pb.h"

namespace troupe::gateway {

/// Brings `found` up to date with what it would be if it was made today, and tells whether anything
/// differs. Rules, subjects, selectors, labels and annotations are only added; the annotation
/// rbac.authorization.kubernetes.io/autoupdate with "false" spares the object.
bool catch_up(k8s::rbac::v1::ClusterRole& found, const k8s::rbac::v1::ClusterRole& wanted);
bool catch_up(k8s::rbac::v1::Role& found, const k8s::rbac::v1::Role& wanted);
/// A binding that leads to another role becomes a new one: it has no uid then.
bool catch_up(k8s::rbac::v1::ClusterRoleBinding& found,
              const k8s::rbac::v1::ClusterRoleBinding& wanted);
bool catch_up(k8s::rbac::v1::RoleBinding& found, const k8s::rbac::v1::RoleBinding& wanted);
/// The whole spec follows, if apf.kubernetes.io/autoupdate-spec says so or nobody ever changed it;
/// the annotation says afterwards which. The mandatory ones, "exempt" and "catch-all", always do.
bool catch_up(k8s::flowcontrol::v1::PriorityLevelConfiguration& found,
              const k8s::flowcontrol::v1::PriorityLevelConfiguration& wanted);
bool catch_up(k8s::flowcontrol::v1::FlowSchema& found,
              const k8s::flowcontrol::v1::FlowSchema& wanted);
/// Whether flow schemas and levels with this metadata go when they are no longer among those that
/// clusters begin with: people's own do not say that they follow.
bool goes_with_defaults(const k8s::meta::v1::ObjectMeta& metadata);
/// What keeps the range of services from being removed is put back.
bool catch_up(k8s::networking::v1::ServiceCIDR& found,
              const k8s::networking::v1::ServiceCIDR& wanted);

} // namespace troupe::gateway
