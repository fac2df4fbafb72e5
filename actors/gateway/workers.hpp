// Who does work that may not be done on a connection's or the store's thread: retried writes,
// watches that have something to send, timers.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace troupe::gateway {

class workers {
public:
  virtual ~workers() = default;

  virtual void post(std::function<void()> work) = 0;
  /// For what is woken again and again: runs at once after a rest, else together with all else
  /// that was asked for until the next pulse, so that much is done in one go.
  virtual void post_at_pulse(std::function<void()> work) = 0;
  /// Calls `work` later, unless the handle is dropped before.
  using timer = std::shared_ptr<void>;
  [[nodiscard]] virtual timer after(std::chrono::milliseconds delay,
                                    std::function<void()> work) = 0;
};

/// Threads of their own.
class worker_threads final : public workers {
public:
  explicit worker_threads(unsigned threads);
  ~worker_threads() override;

  /// Drops what has not begun and whatever comes later, and waits for what has. Any number of times.
  void end();

  void post(std::function<void()> work) override;
  void post_at_pulse(std::function<void()> work) override;
  [[nodiscard]] timer after(std::chrono::milliseconds delay, std::function<void()> work) override;

private:
  struct pool;
  std::unique_ptr<pool> pool_;
};

} // namespace troupe::gateway
