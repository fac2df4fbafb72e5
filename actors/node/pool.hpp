// A few threads for work that blocks: mounting, unpacking, running programs. Jobs begin in order.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::node {

class pool {
public:
  explicit pool(unsigned threads);
  ~pool() { stop(); }
  /// Any thread. Dropped after stop(). A job may not throw.
  void run(std::function<void()> job);
  /// Waits for the jobs that have begun and forgets the others.
  void stop();

private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace troupe::node
