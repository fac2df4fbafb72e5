// Decides how a deployment moves its pods from one version of its template to the next, and what it
// says of itself. Pure: no actors, clock or I/O.
#pragma once

#include "messages/api/deployment.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/base/time.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

// What kubectl's rollout commands and older controllers read.
inline constexpr const char* revision_annotation = "deployment.kubernetes.io/revision";
inline constexpr const char* revision_history_annotation =
    "deployment.kubernetes.io/revision-history";
inline constexpr const char* desired_replicas_annotation =
    "deployment.kubernetes.io/desired-replicas";
inline constexpr const char* max_replicas_annotation = "deployment.kubernetes.io/max-replicas";
inline constexpr const char* template_hash_label = "pod-template-hash";

struct deployment_view {
  const k8s::apps::v1::Deployment& deployment;
  std::vector<const k8s::apps::v1::ReplicaSet*> sets; ///< all that it controls
  std::map<std::string, int> running; ///< pods that have not ended, by their set's uid
  bool name_taken = false; ///< somebody else's replica set has the name that a new one would get
  std::string refusal;     ///< why a new set could not be made, if it was tried
  timestamp now;
};

struct create_set {
  k8s::apps::v1::ReplicaSet set;
};
struct update_set {
  k8s::apps::v1::ReplicaSet set;
};
struct delete_set {
  std::string name;
};
/// The deployment's own annotations and status.
struct update_deployment {
  k8s::apps::v1::Deployment deployment;
};
/// Tells users about a step.
struct tell_scaling {
  std::string message;
};
/// By then the rollout must have moved on.
struct await_progress {
  timestamp until;
};

using deployment_action = std::variant<create_set, update_set, delete_set, update_deployment,
                                       tell_scaling, await_progress>;

/// The next step of the rollout: the newest set grows, old ones shrink, always within bounds.
/// Planning again on the outcome returns nothing but waiting.
std::vector<deployment_action> plan(const deployment_view& observed);

/// The template without the label that tells versions apart, as bytes.
std::string form_of(const k8s::core::v1::PodTemplateSpec& wanted);
/// A short word for a template.
std::string template_hash(const k8s::core::v1::PodTemplateSpec& wanted, int collisions);
/// The name that a new replica set would get.
std::string new_set_name(const k8s::apps::v1::Deployment& d);

} // namespace troupe::controllers
