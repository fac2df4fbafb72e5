// The store of a group of members, as everybody sees it: writes go to the leader wherever it is,
// reads come from this member's own snapshots. A queue stands between the many callers and the RAFT
// actor.
#pragma once

#include "actors/raft/replica.hpp"
#include "messages/base/haste.hpp"

#include <atomic>
#include <mutex>
#include <shared_mutex>

namespace troupe {

/// What waits for the RAFT actor: filled by any thread, emptied by the actor.
class request_queue {
public:
  using ready = std::function<void(result<void>)>;

  struct batch {
    std::vector<raft::replica::proposal> writes;
    std::vector<ready> reads;
    std::vector<std::function<void()>> jobs; ///< of other threads, for the actor's own
    bool empty() const { return writes.empty() && reads.empty() && jobs.empty(); }
  };

  explicit request_queue(size_t bytes_max) : bytes_max_{bytes_max} {}

  /// `marks` is called when the queue was empty and is not any more: it may only mark and return.
  void set_wake(std::function<void()> marks);

  void push(raft::replica::proposal x);
  void push(ready x);
  void push_job(std::function<void()> x);
  batch take();
  /// All that was taken is done.
  void rest();
  /// Nothing will be taken any more: answers what waits and everything to come.
  void close();
  /// Of the actor's thread.
  haste& hurry() { return haste_; }

private:
  static constexpr size_t reads_max = 100'000;

  void wake();
  template<class List, class X> void add(std::unique_lock<std::mutex> lock, List& list, X x);

  const size_t bytes_max_;
  std::mutex mutex_;
  batch waiting_;
  std::shared_mutex wake_mutex_; ///< the actor never waits for it
  std::function<void()> wake_;
  size_t bytes_ = 0;
  bool closed_ = false;
  haste haste_; ///< who takes is as hasty as who waits
};

/// "the clock of this server is 400 days ahead of the others'".
std::string clock_trouble(int64_t ahead_ms);

/// Any thread. `member` must outlive it; only its snapshots and watches are used directly.
class replicated_store final : public storage::store {
public:
  replicated_store(raft::replica& member, std::shared_ptr<request_queue> queue,
                   std::shared_ptr<const storage::sealer> seal,
                   std::function<uint64_t()> wall_clock_ms, uint64_t first_mark)
      : member_{member}, queue_{std::move(queue)}, seal_{std::move(seal)},
        wall_clock_ms_{std::move(wall_clock_ms)}, next_mark_{first_mark} {}

  storage::snapshot current() const override { return member_.live().current(); }
  result<storage::snapshot> at(uint64_t revision) override { return member_.past().at(revision); }
  result<std::vector<storage::past_change>> history(std::string_view key,
                                                    size_t changes_max) override {
    return member_.past().history(key, changes_max);
  }
  result<uint64_t> revision_at(uint64_t time_ms) override {
    return member_.past().revision_at(time_ms);
  }
  void commit(storage::transaction change, completion done) override;
  result<storage::watch> subscribe(storage::watch_options options) override {
    return member_.live().subscribe(std::move(options));
  }
  /// Refused while this member's clock is off: it judges certificates and tokens as nobody else.
  void linearize(std::function<void(result<void>)> ready) override;
  /// By how much this member's wall clock is ahead of most others'; 0: it is one of them.
  void clock_ahead(int64_t ms) { clock_ahead_ms_ = ms; }

private:
  raft::replica& member_;
  const std::shared_ptr<request_queue> queue_;
  const std::shared_ptr<const storage::sealer> seal_;
  const std::function<uint64_t()> wall_clock_ms_;
  /// Begins by chance, so that no two members, and no two lives of one, give the same.
  std::atomic<uint64_t> next_mark_;
  std::atomic<int64_t> clock_ahead_ms_ = 0;
};

} // namespace troupe
