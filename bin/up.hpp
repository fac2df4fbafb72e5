// `troupe up`, `down` and `uninstall`: a whole cluster on this machine, with nothing configured.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int up_command(const std::vector<std::string>& arguments);
int down_command(const std::vector<std::string>& arguments);
int uninstall_command(const std::vector<std::string>& arguments);

} // namespace troupe
