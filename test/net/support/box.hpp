// Values that a test waits for, with a deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>

namespace troupe::test {

/// A queue between threads; take() throws when nothing comes.
template<class T> class box {
public:
  void put(T value) {
    const std::lock_guard lock{mutex_};
    values_.push_back(std::move(value));
    set_.notify_all();
  }
  T take() {
    std::unique_lock lock{mutex_};
    if (!set_.wait_for(lock, std::chrono::seconds{10}, [this] { return !values_.empty(); }))
      throw std::runtime_error{"the awaited fact never came"};
    T out = std::move(values_.front());
    values_.pop_front();
    return out;
  }

  /// Whether something comes; it stays.
  bool comes_within(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    return set_.wait_for(lock, time, [this] { return !values_.empty(); });
  }

private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::deque<T> values_;
};

} // namespace troupe::test
