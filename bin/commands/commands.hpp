// Commands that work on files and schemas alone: no server, no cluster.
#pragma once

#include <string>
#include <vector>

namespace troupe::commands {

/// How a command ended, as its exit code.
enum exit_code : int { done = 0, found_faults = 1, misused = 2 };

// Each takes the words behind its name, and explains itself when one of them is --help.
int convert(const std::vector<std::string>& arguments);
int validate(const std::vector<std::string>& arguments);
int image(const std::vector<std::string>& arguments);

} // namespace troupe::commands
