// Decides a transaction against the state and carries it out on the map: pure, so that every
// replica comes to the same end. What follows (events, publishing, disks) is for others.
#pragma once

#include "storage/event.hpp"
#include "storage/transaction.hpp"
#include "storage/tree.hpp"

namespace troupe::storage {

/// The objects and the revision of the last change.
struct state {
  tree objects;
  uint64_t revision = 0;
};

/// Applies `change`, which is consumed, as part of a log entry of `term`. A refused transaction
/// changes nothing, not even the revision. Its events are appended to `events` in order of
/// mutation.
outcome apply(state& to, transaction change, uint64_t term, std::vector<event_ptr>& events);

} // namespace troupe::storage
