#include "storage/event_ring.hpp"

#include <algorithm>

namespace troupe::storage {

struct watch::subscriber {
  std::shared_ptr<event_ring> ring;
  watch_options options;
  uint64_t next_number = 0; ///< of the next event to look at
  uint64_t progress = 0;
  size_t slot = 0; ///< in the ring's list; guarded by its mutex
  std::atomic<bool> armed = false;
  /// Events below this number concern nobody here: passed while the watcher slept, armed.
  std::atomic<uint64_t> skipped_to = 0;

  bool wants(const event& x) const {
    return x.revision() > options.after_revision && x.now->key().starts_with(options.prefix);
  }
};

namespace {

/// What the ring alone may keep alive: the version that was replaced or removed.
size_t cost(const event& x) {
  auto bytes = sizeof(event) + sizeof(event_ptr) + 32;
  if (x.before) bytes += x.before->memory_bytes();
  if (x.what == event::kind::erase) bytes += x.now->memory_bytes();
  return bytes;
}

} // namespace

watch::watch(std::unique_ptr<subscriber> made) : subscriber_{std::move(made)} {}
watch::watch(watch&&) noexcept = default;

watch& watch::operator=(watch&& other) noexcept {
  watch old{std::move(*this)};
  subscriber_ = std::move(other.subscriber_);
  return *this;
}

watch::~watch() {
  if (!subscriber_) return;
  auto& ring = *subscriber_->ring;
  std::lock_guard lock{ring.subscribers_mutex_};
  auto& list = ring.subscribers_;
  list.back()->slot = subscriber_->slot;
  list[subscriber_->slot] = list.back();
  list.pop_back();
}

result<size_t> watch::read(std::vector<event_ptr>& out, size_t events_max) {
  auto& me = *subscriber_;
  auto& ring = *me.ring;
  size_t count = 0;
  auto settled = ring.settled_.load(std::memory_order_acquire);
  std::lock_guard lock{ring.events_mutex_};
  me.next_number = std::max(me.next_number, me.skipped_to.load(std::memory_order_relaxed));
  if (me.next_number < ring.first_number_) return ring.too_old(me.progress);
  auto at = ring.events_.begin() + static_cast<ptrdiff_t>(me.next_number - ring.first_number_);
  for (; at != ring.events_.end(); ++at, ++me.next_number) {
    auto revision = (*at)->revision();
    if (count >= events_max && revision != me.progress) return count;
    me.progress = std::max(me.progress, revision);
    if (!me.wants(**at)) continue;
    out.push_back(*at);
    ++count;
  }
  me.progress = std::max(me.progress, settled);
  me.armed.store(true, std::memory_order_relaxed); // ordered by the mutex
  return count;
}

uint64_t watch::progress() const { return subscriber_->progress; }

event_ring::event_ring(ring_limits limits, uint64_t covered_after,
                       const std::atomic<uint64_t>& settled)
    : limits_{limits}, settled_{settled}, covered_after_{covered_after} {}

uint64_t event_ring::append(std::span<const event_ptr> events) {
  std::lock_guard lock{events_mutex_};
  for (auto& x : events) {
    bytes_ += cost(*x);
    events_.push_back(x);
  }
  auto end_number = first_number_ + events_.size();
  trim();
  return end_number;
}

/// Drops the oldest events, whole transactions at a time, until the rest is within the limits.
void event_ring::trim() {
  while (!events_.empty() && (events_.size() > limits_.events_max || bytes_ > limits_.bytes_max)) {
    covered_after_ = events_.front()->revision();
    while (!events_.empty() && events_.front()->revision() == covered_after_) {
      bytes_ -= cost(*events_.front());
      events_.pop_front();
      ++first_number_;
    }
  }
}

void event_ring::wake(std::span<const event_ptr> events, uint64_t end_number) {
  std::lock_guard lock{subscribers_mutex_};
  for (auto x : subscribers_) {
    if (!x->armed.load()) continue; // woken before, and has not read since
    if (!std::ranges::any_of(events, [x](auto& y) { return x->wants(*y); }))
      x->skipped_to.store(end_number);
    else if (x->armed.exchange(false) && x->options.wake)
      x->options.wake();
  }
}

void event_ring::forget(uint64_t covered_after) {
  {
    std::lock_guard lock{events_mutex_};
    first_number_ += events_.size() + 1; // also those who have read everything are behind
    events_.clear();
    bytes_ = 0;
    covered_after_ = covered_after;
  }
  std::lock_guard lock{subscribers_mutex_};
  for (auto x : subscribers_)
    if (x->armed.exchange(false) && x->options.wake) x->options.wake();
}

result<watch> event_ring::subscribe(watch_options options) {
  auto made = std::make_unique<watch::subscriber>();
  {
    std::lock_guard lock{events_mutex_};
    if (options.after_revision < covered_after_) return too_old(options.after_revision);
    auto at = std::ranges::partition_point(
        events_, [&](auto& x) { return x->revision() <= options.after_revision; });
    made->next_number = first_number_ + static_cast<uint64_t>(at - events_.begin());
  }
  made->ring = shared_from_this();
  made->progress = options.after_revision;
  made->options = std::move(options);
  std::lock_guard lock{subscribers_mutex_};
  made->slot = subscribers_.size();
  subscribers_.push_back(made.get());
  return watch{std::move(made)};
}

error event_ring::too_old(uint64_t asked) const {
  return {errc::expired, "too old resource version: " + std::to_string(asked) + " (" +
                             std::to_string(covered_after_) + ")"};
}

size_t event_ring::events() const {
  std::lock_guard lock{events_mutex_};
  return events_.size();
}

} // namespace troupe::storage
