// `troupe agent`: a machine that runs pods for a cluster elsewhere.
#pragma once

#include "bin/hollow.hpp"
#include "bin/machine.hpp"
#include "bin/options.hpp"

#include <string>
#include <vector>

namespace troupe {

struct agent_options {
  machine_options machine;
  std::filesystem::path data = "/var/lib/troupe";
  std::string server, token;
  hollow_options hollow; ///< instead of this machine, if there are any
};

command_spec spec_of(agent_options& o);

int agent_command(const std::vector<std::string>& arguments);

} // namespace troupe
