// One background thread that runs what it is given, in order: the slow work beside the writer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace troupe::storage {

class worker {
public:
  /// `when_calm` runs, once, when nothing has come for a moment after there was work.
  explicit worker(std::function<void()> when_calm = {})
      : when_calm_{std::move(when_calm)}, thread_{[this] { run(); }} {}

  /// Finishes what was posted before it returns.
  ~worker() {
    {
      std::lock_guard lock{mutex_};
      closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void post(std::function<void()> job) {
    {
      std::lock_guard lock{mutex_};
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

private:
  static constexpr std::chrono::milliseconds calm{200};

  void run() {
    std::unique_lock lock{mutex_};
    auto woken = [this] { return closing_ || !jobs_.empty(); };
    for (bool worked = false;; worked = true) {
      if (worked && when_calm_ && !wake_.wait_for(lock, calm, woken)) {
        lock.unlock();
        when_calm_();
        lock.lock();
      }
      wake_.wait(lock, woken);
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  const std::function<void()> when_calm_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool closing_ = false;
  std::thread thread_;
};

} // namespace troupe::storage
