// The recent events of one resource, and the watchers that read them at their own pace. Appending
// marks who is waiting and copies nothing; a watcher that falls behind the ring hears
// errc::expired.
#pragma once

#include "storage/event.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>

namespace troupe::storage {

/// How much of the past a ring keeps.
struct ring_limits {
  size_t events_max = 100'000;
  size_t bytes_max = 16u << 20; ///< of what only the ring keeps alive
};

struct watch_options {
  /// `pods`, `deployments.apps`: the text of the keys before the first '/'.
  std::string resource;
  /// Only events of keys that start with it, for example `pods/default/`. Empty: all.
  std::string prefix;
  /// Only events after this revision: the revision of the snapshot that was listed.
  uint64_t after_revision = 0;
  /// Called on the store's thread when there is something to read, at most once until the watch has
  /// been read to the end. It may only mark and return: no reading, no waiting, no destroying.
  /// The first read arms it: read once after subscribing.
  std::function<void()> wake;
};

class event_ring;

/// A cursor into a ring. One thread at a time reads it; destroying it waits for a running wake.
class watch {
public:
  watch(watch&&) noexcept;
  watch& operator=(watch&&) noexcept;
  ~watch();

  /// Appends up to about `events_max` events to `out`, in order and without gap (events of one
  /// transaction are never parted), and returns how many. After less than `events_max`, `wake` is
  /// armed again. errc::expired when the watcher was too slow: list again and watch from there.
  result<size_t> read(std::vector<event_ptr>& out,
                      size_t events_max = std::numeric_limits<size_t>::max());

  /// Every event of this watch up to this revision has been read: what a bookmark may say.
  uint64_t progress() const;

private:
  friend class event_ring;
  struct subscriber;
  explicit watch(std::unique_ptr<subscriber> made);

  std::unique_ptr<subscriber> subscriber_;
};

/// One writer appends; any thread watches.
class event_ring : public std::enable_shared_from_this<event_ring> {
public:
  /// A ring that has seen every event after `covered_after`. `settled` is the revision up to which
  /// all rings of the store are complete; it must outlive the ring.
  event_ring(ring_limits limits, uint64_t covered_after, const std::atomic<uint64_t>& settled);

  /// Appends events in the order of their revisions; whole transactions only. Returns the number
  /// that the next event will have.
  uint64_t append(std::span<const event_ptr> events);

  /// Wakes the watchers that wait for any of `events`, which were appended before and end at
  /// `end_number`. One that waits for none of them need not look at them, however long it sleeps.
  void wake(std::span<const event_ptr> events, uint64_t end_number);

  /// Drops everything: events after `covered_after` are to come, and nobody may miss those between.
  void forget(uint64_t covered_after);

  /// errc::expired when the ring no longer knows all events after `options.after_revision`.
  result<watch> subscribe(watch_options options);

  size_t events() const;

private:
  friend class watch;

  error too_old(uint64_t asked) const;
  void trim();

  const ring_limits limits_;
  const std::atomic<uint64_t>& settled_;

  mutable std::mutex events_mutex_;
  std::deque<event_ptr> events_;
  uint64_t first_number_ = 0; ///< number of events_.front(), counted since the ring began
  uint64_t covered_after_;    ///< all events with a greater revision are in events_
  size_t bytes_ = 0;

  std::mutex subscribers_mutex_;
  std::vector<watch::subscriber*> subscribers_;
};

} // namespace troupe::storage
