// Running other programs and waiting for them, without forking this process's memory.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace troupe::node {

struct program_result {
  int exit_code = 0;
  std::string output; ///< what it wrote to both of its standard streams, cut
};

inline constexpr size_t program_output_max = 64 * 1024;

/// Runs `words` (the first is looked up in PATH) with no standard input and none of our files.
/// Killed when `patience` is over; then, or if it cannot be started, there is an error. `heard`
/// gets what it writes while it runs.
result<program_result> run_program(const std::vector<std::string>& words,
                                   std::chrono::milliseconds patience,
                                   const std::vector<std::string>& more_environment = {},
                                   const std::function<void(std::string_view)>& heard = {});

/// A program that was started and detaches itself: the part of it that does not stay is waited for
/// at the latest when this goes.
class detaching {
public:
  /// Starts it with `fd` as its descriptor 3.
  static result<detaching> start(const std::vector<std::string>& words, int fd);
  detaching(detaching&& from) noexcept : name_{std::move(from.name_)}, pid_{from.pid_} {
    from.pid_ = 0;
  }
  detaching& operator=(detaching&&) = delete;
  ~detaching() { (void)finish(); }

  /// Waits until it stands on its own.
  result<void> finish();

private:
  detaching(std::string name, int pid) : name_{std::move(name)}, pid_{pid} {}

  std::string name_;
  int pid_; ///< 0: waited for
};

} // namespace troupe::node
