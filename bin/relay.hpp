// `troupe relay`: one address on this machine for all servers of a cluster.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int relay_command(const std::vector<std::string>& arguments);

} // namespace troupe
