// `troupe agent`: a machine that runs pods for a cluster elsewhere.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int agent_command(const std::vector<std::string>& arguments);

} // namespace troupe
