// `troupe cluster`: what it is told, and how it tells what happens.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int cluster_command(const std::vector<std::string>& arguments);

} // namespace troupe
