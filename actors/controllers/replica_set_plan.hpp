// Decides how a replica set comes to the number of pods that it wants, and what it says of itself.
// Replication controllers are decided the same way. Pure: no actors, clock or I/O.
#pragma once

#include "actors/controllers/pod_view.hpp"
#include "messages/api/replica_set.pb.h"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

struct replica_set_view {
  const k8s::apps::v1::ReplicaSet& set;
  std::vector<const pod_view*> pods;     ///< all that it controls
  std::map<std::string_view, int> crowd; ///< pods of its kind on each node, siblings' too
  timestamp now;
};

/// Makes new pods from the template.
struct create_pods {
  int count = 0;
  bool operator==(const create_pods&) const = default;
};
struct delete_pod {
  const pod_view* pod = nullptr;
  bool operator==(const delete_pod&) const = default;
};
/// By then a pod may have been ready for long enough.
struct look_again {
  timestamp at;
  bool operator==(const look_again&) const = default;
};

using replica_set_action = std::variant<delete_pod, create_pods, look_again>;

/// Pods that one round creates or deletes at most; what is left is for the next.
constexpr int replicas_per_round_max = 500;

/// What brings the set to its size. Planning again on the outcome returns nothing but waiting.
std::vector<replica_set_action> plan(const replica_set_view& observed);

/// What came of a round.
struct replica_set_outcome {
  int created = 0;
  std::vector<const pod_view*> deleted;
  std::string failure_reason; ///< FailedCreate or FailedDelete, empty if all went well
  std::string failure_message;
};

/// The set's status after a round.
k8s::apps::v1::ReplicaSetStatus status_after(const replica_set_view& observed,
                                             const replica_set_outcome& outcome);

} // namespace troupe::controllers
