// What the SCHEDULER writes: a pod's node, or why it has none yet. Pure: from a snapshot to the
// changes of a transaction, each holding only if the pod is still as it was seen.
#pragma once

#include "actors/scheduler/volume_book.hpp"
#include "messages/base/time.hpp"
#include "storage/snapshot.hpp"
#include "storage/transaction.hpp"

#include <functional>
#include <variant>

namespace troupe::scheduler {

/// The pod runs on this node from now on.
struct bind_pod {
  pod_ptr pod;
  std::string node;
  std::vector<claim_choice> volumes = {}; ///< what becomes of claims that waited for it
};
/// Somebody else has to make volumes on that node first.
struct await_volumes {
  pod_ptr pod;
  std::string node;
  std::vector<claim_choice> volumes;
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
  std::string by; ///< the scheduler that does it
  std::string message;
};

/// Somebody more important takes the room that was being made for it.
struct drop_nomination {
  pod_ptr pod;
};

using decision = std::variant<bind_pod, await_volumes, tell_pending, preempt_pod, drop_nomination>;

/// Adds what is to be written. False if it no longer applies: the pod is gone, going, bound or
/// another one. What is said already is not written again, and true.
bool write(const decision& d, const storage::snapshot& now, timestamp at,
           const std::function<uint64_t()>& random, storage::transaction& tx);

} // namespace troupe::scheduler
