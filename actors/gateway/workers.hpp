// Threads for work that may not run on a connection's or the store's thread: retried writes,
// watches that have something to send, timers.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace troupe::gateway {

class workers {
public:
  explicit workers(unsigned threads);
  ~workers(); ///< drops what has not begun, waits for what has

  void post(std::function<void()> work);
  /// For what is woken again and again: runs at once after a rest, else together with all else
  /// that was asked for until the next pulse, so that much is done in one go.
  void post_at_pulse(std::function<void()> work);
  /// Calls `work` later, unless the handle is dropped before.
  using timer = std::shared_ptr<void>;
  [[nodiscard]] timer after(std::chrono::milliseconds delay, std::function<void()> work);

private:
  struct pool;
  std::unique_ptr<pool> pool_;
};

} // namespace troupe::gateway
