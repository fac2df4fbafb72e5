// Running a command in a container that runs: for exec itself, probes and hooks.
#pragma once

#include "actors/node/context.hpp"
#include "actors/runtime/shim_client.hpp"

namespace troupe::node {

struct exec_request {
  std::string uid; ///< of the pod
  std::string id;  ///< of the container
  std::vector<std::string> command;
  bool in = false, tty = false;
  int rows = 0, columns = 0;
};

/// Starts the command; messages of the shim's stream come as they are.
result<std::shared_ptr<runtime::shim_stream>> start_exec(context& with, const exec_request& what,
                                                         runtime::shim_stream::callbacks calls);

struct exec_outcome {
  int exit_code = -1;  ///< -1: it did not run, or not to its end
  std::string output;  ///< of both streams, cut
  std::string failure; ///< why it did not
};
inline constexpr size_t exec_output_max = 10 * 1024;

/// Runs a command to its end or kills it when its time is over. `done` is called once, on the
/// loop's thread. Dropping the handle changes nothing.
void run_in_container(const context_ptr& with, const exec_request& what,
                      std::chrono::milliseconds patience, std::function<void(exec_outcome)> done);

} // namespace troupe::node
