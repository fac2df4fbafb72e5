// Running other programs and waiting for them, without forking this process's memory.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace troupe::node {

struct program_result {
  int exit_code = 0;
  std::string output; ///< what it wrote to both of its standard streams, cut
};

inline constexpr size_t program_output_max = 64 * 1024;

/// Runs `words` (the first is looked up in PATH) with no standard input and none of our files.
/// Killed when `patience` is over; then, or if it cannot be started, there is an error.
result<program_result> run_program(const std::vector<std::string>& words,
                                   std::chrono::milliseconds patience,
                                   const std::vector<std::string>& more_environment = {});

/// Starts a program that detaches itself, with `fd` as its descriptor 3, and waits for the part
/// that does not stay.
result<void> start_detached(const std::vector<std::string>& words, int fd);

} // namespace troupe::node
