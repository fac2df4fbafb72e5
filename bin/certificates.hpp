// `troupe certificates`: those of the server or agent on this machine.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int certificates_command(const std::vector<std::string>& arguments);

} // namespace troupe
