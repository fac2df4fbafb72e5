// How runc, or a runtime that takes the same words, is called. Paths are relative to the pod's run
// directory, where troupe-shim runs it. Pure.
#pragma once

#include <string>
#include <vector>

namespace troupe::runtime {

struct program {
  std::string path = "runc";
  std::string root; ///< where it keeps its state
};

/// Creates and starts the container of a bundle and returns; its pid goes to ID.pid.
std::vector<std::string> run_command(const program& with, const std::string& id,
                                     const std::string& bundle, bool tty);
/// Runs a process document in a container and returns; its pid goes to PIDFILE.pid.
std::vector<std::string> exec_command(const program& with, const std::string& id,
                                      const std::string& process_file, const std::string& pid_file,
                                      bool tty);
/// Removes what is left of a container, ending it if need be.
std::vector<std::string> delete_command(const program& with, const std::string& id);

/// The words of one shim message.
std::string join_words(const std::vector<std::string>& words);
std::vector<std::string> split_words(std::string_view message);

} // namespace troupe::runtime
