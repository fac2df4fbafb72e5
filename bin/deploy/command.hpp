// `troupe deploy`: puts servers and agents on a list of hosts over ssh.
#pragma once

#include <string>
#include <vector>

namespace troupe {

int deploy_command(const std::vector<std::string>& arguments);

} // namespace troupe
