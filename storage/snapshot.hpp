// Reading: a snapshot is the whole state at one revision, immutable, taken by any thread without a
// lock and kept as long as one likes (it keeps alive what it shows).
#pragma once

#include "storage/apply.hpp"

#include <atomic>
#include <iterator>
#include <utility>

namespace troupe::storage {

namespace detail {

/// One published version of the state. The publisher adds `bias` to its count and takes it back,
/// less the readers it saw, when the next version replaces it (see published_state).
struct version {
  static constexpr int64_t bias = int64_t{1} << 40;

  explicit version(state held) : held{std::move(held)} {}

  const state held;
  mutable std::atomic<int64_t> references = 0;
};

inline void release(const version* x, int64_t count) {
  if (x->references.fetch_sub(count, std::memory_order_acq_rel) == count) delete x;
}
inline void intrusive_ptr_add_ref(const version* x) {
  x->references.fetch_add(1, std::memory_order_relaxed);
}
inline void intrusive_ptr_release(const version* x) { release(x, 1); }

using version_ptr = boost::intrusive_ptr<const version>;

} // namespace detail

/// The entries whose keys start with a prefix, in the order of keys: `for (auto& entry : range)`.
class range {
public:
  class iterator {
  public:
    using value_type = entry;
    using difference_type = std::ptrdiff_t;
    const entry& operator*() const { return *at_.get(); }
    const entry* operator->() const { return at_.get(); }
    iterator& operator++() {
      at_.next();
      stop_outside();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return !inside_; }

  private:
    friend range;
    iterator(const tree& of, std::string_view prefix, std::string_view from)
        : at_{of, from}, prefix_{prefix} {
      stop_outside();
    }
    void stop_outside() { inside_ = at_ && at_.get()->key().starts_with(prefix_); }

    tree::cursor at_;
    std::string_view prefix_;
    bool inside_ = false;
  };

  iterator begin() const { return {version_->held.objects, prefix_, from_}; }
  std::default_sentinel_t end() const { return {}; }

private:
  friend class snapshot;
  range(detail::version_ptr version, std::string prefix, std::string from)
      : version_{std::move(version)}, prefix_{std::move(prefix)}, from_{std::move(from)} {}

  detail::version_ptr version_;
  std::string prefix_;
  std::string from_;
};

/// Cheap to copy; any thread.
class snapshot {
public:
  /// The state before the first change.
  snapshot() : snapshot{state{}} {}
  explicit snapshot(state held) : version_{new detail::version{std::move(held)}} {}

  /// Every change up to this revision is in it, and none after: the resourceVersion of a list.
  uint64_t revision() const { return version_->held.revision; }

  /// The entry at `key`, or null.
  entry_ptr get(std::string_view key) const { return find(key); }

  /// The same without touching a counter: valid while this snapshot lives.
  const entry* find(std::string_view key) const { return version_->held.objects.find(key); }

  /// The entries whose keys start with `prefix`, from the first one greater than `after` if that is
  /// given: stop after a page and continue with the last key seen. The range keeps what it shows.
  range list(std::string prefix, std::string_view after = {}) const {
    std::string from = prefix;
    if (!after.empty() && after >= from) from.assign(after).push_back('\0');
    return {version_, std::move(prefix), std::move(from)};
  }

  /// How many keys start with `prefix`, in logarithmic time.
  size_t count(std::string_view prefix) const { return version_->held.objects.count(prefix); }

  /// How many keys start with `prefix` and follow `after`: remainingItemCount.
  size_t count_after(std::string_view prefix, std::string_view after) const;

  /// The map and revision behind it, to derive other states from.
  const state& contents() const { return version_->held; }

private:
  friend class published_state;
  explicit snapshot(detail::version_ptr version) : version_{std::move(version)} {}

  detail::version_ptr version_;
};

/// The place where the one writer publishes and everybody else takes the current snapshot. Readers
/// never wait: one word holds the pointer and how many readers are just taking it.
class published_state {
public:
  published_state() : published_state{snapshot{}} {}
  explicit published_state(const snapshot& first);
  ~published_state();
  published_state(const published_state&) = delete;
  published_state& operator=(const published_state&) = delete;

  /// Any thread, lock-free.
  snapshot current() const;

  /// The writer only.
  void publish(const snapshot& next);

private:
  static uint64_t adopt(const snapshot& next);
  static void retire(uint64_t word);

  mutable std::atomic<uint64_t> word_;
};

} // namespace troupe::storage
