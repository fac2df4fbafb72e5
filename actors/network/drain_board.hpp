// Which pods new connections are still sent to, by what the kernel has been told. A pod that is to
// stop waits here until it is out of every service: nobody is led to a door that closes.
#pragma once

#include "messages/base/address.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace troupe::network_of_pods {

/// Any thread.
class drain_board {
public:
  /// PROXY has programmed that these pods are led to, and those are no more.
  void change(const std::vector<address>& added, const std::vector<address>& removed) {
    {
      std::lock_guard lock{mutex_};
      for (auto& ip : removed) led_to_.erase(ip);
      led_to_.insert(added.begin(), added.end());
    }
    changed_.notify_all();
  }

  /// Waits until nobody is led to `ip`, or the patience is over; and then a little, because who was
  /// led there last is still on the way.
  void wait_for(const address& ip, std::chrono::milliseconds patience) {
    std::unique_lock lock{mutex_};
    if (!led_to_.contains(ip)) return;
    changed_.wait_for(lock, patience, [&] { return !led_to_.contains(ip); });
    lock.unlock();
    std::this_thread::sleep_for(on_the_way);
  }

private:
  /// From a connection's first packet until its server has taken it and answered.
  static constexpr std::chrono::milliseconds on_the_way{100};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<address> led_to_;
};

} // namespace troupe::network_of_pods
