// Which pods new connections are sent to, by what the kernel has been told. A pod that is to stop
// waits here until it is out of every service: nobody is led to a door that closes. And what of the
// facts PROXY has taken in, for machines that wait for this one.
#pragma once

#include "messages/base/address.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace troupe::network_of_pods {

/// Any thread.
class drain_board {
public:
  using clock = std::chrono::steady_clock;

  /// PROXY has programmed that these pods are led to, and those are no more.
  void change(const std::vector<address>& added, const std::vector<address>& removed) {
    {
      std::lock_guard lock{mutex_};
      auto now = clock::now();
      std::erase_if(left_at_, [&](auto& one) { return now - one.second > recently; });
      for (auto& ip : removed)
        if (led_to_.erase(ip)) left_at_[ip] = now;
      led_to_.insert(added.begin(), added.end());
    }
    changed_.notify_all();
  }

  /// Waits until nobody is led to `ip`, or the patience is over. False if nobody was of late.
  bool wait_for(const address& ip, std::chrono::milliseconds patience) {
    std::unique_lock lock{mutex_};
    if (!led_to_.contains(ip)) {
      auto hit = left_at_.find(ip);
      return hit != left_at_.end() && clock::now() - hit->second <= recently;
    }
    changed_.wait_for(lock, patience, [&] { return !led_to_.contains(ip); });
    return true;
  }

  void on_taken_in(std::function<void(uint64_t mark)> call) {
    std::lock_guard lock{mutex_};
    tell_ = std::move(call);
  }
  /// PROXY has programmed all that was told before this mark.
  void taken_in(uint64_t mark) {
    std::lock_guard lock{mutex_};
    if (tell_) tell_(mark);
  }

private:
  static constexpr std::chrono::seconds recently{1};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<address> led_to_;
  std::map<address, clock::time_point> left_at_;
  std::function<void(uint64_t)> tell_;
};

} // namespace troupe::network_of_pods
