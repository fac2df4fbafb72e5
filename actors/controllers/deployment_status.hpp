// What a deployment says of itself: counts, and the conditions by which clients know how a rollout
// goes. Pure.
#pragma once

#include "actors/controllers/deployment_plan.hpp"

namespace troupe::controllers {

/// Counts and availability. `sets` are all sets, `newest` the one of the present template or null.
k8s::apps::v1::DeploymentStatus counted_status(const k8s::apps::v1::Deployment& d,
                                               const std::vector<k8s::apps::v1::ReplicaSet*>& sets,
                                               const k8s::apps::v1::ReplicaSet* newest,
                                               timestamp now);

/// The same, and how the rollout progresses.
k8s::apps::v1::DeploymentStatus rollout_status(const k8s::apps::v1::Deployment& d,
                                               const std::vector<k8s::apps::v1::ReplicaSet*>& sets,
                                               const k8s::apps::v1::ReplicaSet* newest,
                                               timestamp now);

/// All replicas are of the present template and available.
bool complete(const k8s::apps::v1::Deployment& d, const k8s::apps::v1::DeploymentStatus& status);

/// A condition that differs in status or reason goes to the end, as clients are used to.
void put_condition(k8s::apps::v1::DeploymentStatus& status, const char* type, const char* value,
                   const char* reason, const std::string& message, timestamp now);

bool has_deadline(const k8s::apps::v1::Deployment& d);
/// The moment at which a rollout that stands still has failed; nothing if it is not waited for.
std::optional<timestamp> deadline_of(const k8s::apps::v1::Deployment& d);

} // namespace troupe::controllers
