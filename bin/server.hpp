// `troupe server`: a control-plane member.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

struct server_options {
  std::string data_directory = "/var/lib/troupe";
  std::string address = "0.0.0.0";
  uint16_t port = 6443;
  std::string token_file;
  std::string controllers = "*"; ///< "none", or a list as kube-controller-manager takes it
  bool anonymous = true;
  unsigned hollow = 0;       ///< pretended nodes
  unsigned hollow_zones = 3; ///< over which they are spread
  std::string hollow_start_delay = "0s";
};

/// Runs until a signal ends it; the exit code.
int run_server(const server_options& options);

/// The arguments after the word `server`, read and run.
int server_command(const std::vector<std::string>& arguments);

} // namespace troupe
