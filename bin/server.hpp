// `troupe server`: a control-plane member.
#pragma once

#include "bin/control_plane.hpp"

namespace troupe {

struct server_options {
  control_plane_options plane;
  unsigned hollow = 0;       ///< pretended nodes
  unsigned hollow_zones = 3; ///< over which they are spread
  std::string hollow_start_delay = "0s";
};

/// Runs until a signal ends it; the exit code.
int run_server(const server_options& options);

/// The arguments after the word `server`, read and run.
int server_command(const std::vector<std::string>& arguments);

} // namespace troupe
