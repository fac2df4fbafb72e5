// `troupe shell`: the verbs of the command line and a few of its own, one line after the other,
// over one connection.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int shell_command(const std::vector<std::string>& arguments);

} // namespace troupe
