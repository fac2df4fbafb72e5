// A store in memory that decides when it is its turn: what actors commit waits, several
// transactions are published together, now and then the disk is slow, and writes of an earlier
// leader have no effect. The state, its rings and its rules are the real ones.
#pragma once

#include "storage/live_state.hpp"
#include "storage/store.hpp"

#include <deque>
#include <random>

namespace troupe::client {

class test_store {
public:
  explicit test_store(uint64_t seed) : random_{seed} {}

  /// What actors of `who` are given. It and all watches end before this store.
  std::shared_ptr<storage::store> desk_of(const std::string& who);
  /// Decides at once: for those who write between the turns of others.
  std::shared_ptr<storage::store> counter();

  bool waiting() const { return !queue_.empty(); }
  /// Decides some of what waits.
  void turn();
  /// Nothing is decided for so many turns.
  void stall(unsigned turns) { stalled_ += turns; }

  storage::snapshot current() const { return live_.current(); }

  uint64_t term = 1;
  /// Hears the events of each transaction, when they can be seen.
  std::function<void(const std::vector<storage::event_ptr>&)> heard;
  /// May change what `who` is about to commit: for bugs that are there on purpose.
  std::function<void(const std::string& who, storage::transaction&)> tamper;
  /// Whether `who` never hears of changes of that resource: likewise.
  std::function<bool(const std::string& who, const std::string& resource)> deafen;

  uint64_t commits = 0, refusals = 0;
  uint64_t digest = 14695981039346656037u; ///< of all that was ever written

private:
  class desk;
  struct proposal {
    storage::transaction change;
    storage::store::completion done;
  };

  result<storage::outcome> decide(storage::transaction change);
  void publish();

  storage::live_state live_;
  std::deque<proposal> queue_;
  std::mt19937_64 random_;
  unsigned stalled_ = 0;
};

} // namespace troupe::client
