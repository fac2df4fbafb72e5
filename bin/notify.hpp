// What the service manager wants to know: that we are ready, that we are ending, that we still
// turn.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

namespace troupe {

/// "READY=1", as sd_notify(3) says it; nothing happens where nobody listens.
void notify(std::string_view state);

/// Says that we still turn, twice as often as the manager wants to hear it, while `turns` holds.
/// Does nothing and makes no thread where no manager asked for it.
class watchdog {
public:
  explicit watchdog(std::function<bool()> turns);
  ~watchdog();

private:
  std::function<bool()> turns_;
  std::mutex mutex_;
  std::condition_variable ending_;
  bool over_ = false;
  std::thread thread_;
};

} // namespace troupe
