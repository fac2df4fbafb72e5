// Asks the servers whether all machines have taken in what is true now, and waits for the answer.
// Any thread.
#pragma once

#include "actors/node/outbox.hpp"

#include <chrono>
#include <condition_variable>
#include <set>

namespace troupe::node {

class taken_in_desk {
public:
  explicit taken_in_desk(outbox& reports) : reports_{reports} {}

  /// Returns when it is so, or when the patience is over.
  void wait_for_all(std::chrono::milliseconds patience);
  void heard(uint64_t request);
  /// A new server knows nothing of what was asked of the old one.
  void ask_again();

private:
  void ask(uint64_t request);

  outbox& reports_;
  std::mutex mutex_;
  std::condition_variable answered_;
  uint64_t next_ = 1;
  std::set<uint64_t> waiting_;
};

} // namespace troupe::node
