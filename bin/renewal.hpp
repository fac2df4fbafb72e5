// RENEWAL: makes what grows old anew while the process runs, when it is due or when it is asked to:
// certificates when two thirds of their life are over, backups at their time. When is decided by
// pure functions; the clock is an argument.
#pragma once

#include "messages/base/error.hpp"
#include "messages/base/time.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troupe {

/// The first moment at which one of these certificates is to be made anew; 0 if one cannot be read,
/// or does not hold yet because it was made while the clock was ahead.
int64_t due_seconds(const std::vector<std::string>& certificates_pem, int64_t now);

/// How long to wait before looking again: until it is due, but never so long that a clock which was
/// set meanwhile goes unnoticed, and after a failure a little longer each time.
std::chrono::seconds wait_before(int64_t due, int64_t now, unsigned failures);

class renewal {
public:
  struct work {
    std::string name, done; ///< for the log: "renewal", "certificates are renewed"
    std::function<timestamp()> now;
    std::function<int64_t()> due;        ///< of what there is at this moment
    std::function<result<void>()> renew; ///< may take its time; called again later if it fails
  };

  explicit renewal(work given);
  ~renewal();
  /// Makes them anew whether or not they are due.
  void now();

private:
  void run();

  work work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false, ending_ = false;
  std::thread thread_;
};

} // namespace troupe
