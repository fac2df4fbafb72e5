// `troupe token`: by what a machine may ask to join.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int token_command(const std::vector<std::string>& arguments);

} // namespace troupe
