// `troupe recover`: out of a lost majority.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int recover_command(const std::vector<std::string>& arguments);

} // namespace troupe
