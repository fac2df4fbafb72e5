// What the SCHEDULER writes: a pod's node, or why it has none yet. Pure: from a snapshot to the
// changes of a transaction, each holding only if the pod is still as it was seen.
#pragma once

#include "actors/scheduler/shape.hpp"
#include "messages/base/time.hpp"
#include "storage/snapshot.hpp"
#include "storage/transaction.hpp"

#include <variant>

namespace troupe::scheduler {

/// The pod runs on this node from now on.
struct bind_pod {
  pod_ptr pod;
  std::string node;
};
/// Nothing can be done for it at the moment.
struct tell_pending {
  pod_ptr pod;
  std::string reason; ///< Unschedulable, SchedulingGated
  std::string message;
  std::string nominated; ///< the node where room is being made, empty if none
};
/// It has to go, for somebody more important.
struct preempt_pod {
  pod_ptr pod;
  std::string message;
};

using decision = std::variant<bind_pod, tell_pending, preempt_pod>;

/// Adds what is to be written. False if it no longer applies: the pod is gone, going, bound or
/// another one. What is said already is not written again, and true.
bool write(const decision& d, const storage::snapshot& now, timestamp at, storage::transaction& tx);

} // namespace troupe::scheduler
