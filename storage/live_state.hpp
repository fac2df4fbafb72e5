// What is remembered right now: the published state and the rings of recent events. One writer
// applies and publishes; any thread takes snapshots and watches.
#pragma once

#include "storage/event_ring.hpp"
#include "storage/snapshot.hpp"

#include <map>

namespace troupe::storage {

/// Rings are kept for this many resources at most; Kubernetes has about 60 of its own.
inline constexpr size_t rings_max = 10'000;

class live_state {
public:
  explicit live_state(ring_limits limits = {}) : limits_{limits} {}

  // -- the writer's side: one thread at a time ----------------------------------------------------

  /// Starts over from `loaded`. Watches can begin at its revision, not before; older watches of
  /// this object hear errc::expired.
  void reset(state loaded);

  /// Decides and applies. Nobody sees it before publish().
  outcome apply(transaction change, uint64_t term);

  /// Shows everything applied since the last time: first the snapshot, then the events, then the
  /// wakes. Returns those events.
  std::vector<event_ptr> publish();

  /// The state as applied, published or not.
  const state& working() const { return working_; }

  // -- everybody's side: any thread ---------------------------------------------------------------

  snapshot current() const { return published_.current(); }
  result<watch> subscribe(watch_options options);

private:
  struct group;

  std::shared_ptr<event_ring> ring(std::string_view resource);
  std::vector<group> grouped(const std::vector<event_ptr>& events);

  const ring_limits limits_;
  state working_;
  std::vector<event_ptr> unpublished_;
  published_state published_;
  std::atomic<uint64_t> settled_ = 0;

  std::mutex rings_mutex_;
  uint64_t covered_after_ = 0;
  std::map<std::string, std::shared_ptr<event_ring>, std::less<>> rings_;
};

} // namespace troupe::storage
