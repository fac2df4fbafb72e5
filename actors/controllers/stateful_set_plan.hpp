// Decides how a stateful set brings up, takes down and renews its numbered pods, and what becomes
// of their claims. Pure: no actors, clock or I/O.
#pragma once

#include "actors/controllers/pod_view.hpp"
#include "messages/api/claim.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/stateful_set.pb.h"

#include <map>
#include <optional>
#include <variant>
#include <vector>

namespace troupe::controllers {

struct stateful_set_view {
  const k8s::apps::v1::StatefulSet& set;
  std::vector<const pod_view*> pods; ///< all that it controls
  std::string update_revision;       ///< of the present template
  timestamp now;
};

/// Makes the pod with this number, and its claims, from the template of that revision.
struct create_numbered {
  int ordinal = 0;
  std::string_view revision; ///< lives as long as what was observed
  bool operator==(const create_numbered&) const = default;
};
struct delete_numbered {
  const pod_view* pod = nullptr;
};
/// Somebody has taken away the labels that tell its number.
struct restore_labels {
  const pod_view* pod = nullptr;
};
/// By then a pod may have been ready for long enough.
struct await_ready {
  timestamp at;
};

using stateful_set_action =
    std::variant<create_numbered, delete_numbered, restore_labels, await_ready>;

/// What comes next: one step at a time in order, all steps at once in parallel. Planning again on
/// the outcome returns nothing but waiting.
std::vector<stateful_set_action> plan(const stateful_set_view& observed);

/// The status as the pods are before the round.
k8s::apps::v1::StatefulSetStatus status_of(const stateful_set_view& observed);

/// The number at the end of a pod's name; nothing if it is not one of the set's.
std::optional<int> ordinal_of(std::string_view set, std::string_view pod);

/// Labels by which services choose a pod by its number. It has its name.
void give_labels(k8s::core::v1::Pod& pod, int ordinal);

/// Gives a pod the identity of its number: name, labels, host name, claims as volumes.
void give_identity(k8s::core::v1::Pod& pod, const k8s::apps::v1::StatefulSet& set, int ordinal,
                   const std::string& revision);

/// The claims of the pod with this number.
std::vector<k8s::core::v1::PersistentVolumeClaim> claims_of(const k8s::apps::v1::StatefulSet& set,
                                                            int ordinal);

/// Whose deletion takes a claim along, under the set's retention policy.
enum class claim_owner : uint8_t { nobody, set, pod };
claim_owner claim_owner_of(const k8s::apps::v1::StatefulSet& set, int ordinal);

} // namespace troupe::controllers
