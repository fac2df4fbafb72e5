// Pretended nodes: what the command line says of them, and the agent that only pretends. Each of
// its nodes joins for itself, with a certificate and links of its own, as a machine does.
#pragma once

#include "actors/node/hollow.hpp"
#include "bin/options.hpp"

#include <filesystem>

namespace troupe {

struct hollow_options {
  unsigned count = 0;
  unsigned zones = 3; ///< over which they are spread
  std::string start_delay = "0s";
};

/// --hollow, --hollow-zones, --hollow-start-delay.
std::vector<option> options_of(hollow_options& o, unsigned count_max);

/// What they have in common.
result<node::hollow_settings> settings_of(const hollow_options& given);

struct hollow_agent_options {
  hollow_options nodes;
  std::string name; ///< of each, with its number behind; "hollow" if empty
  std::filesystem::path data;
  std::string server, token;
};

/// An agent's nodes: each has a thread for its links.
inline constexpr unsigned hollow_agent_nodes_max = 1'000;

/// Runs until a signal ends it; the exit code.
int run_hollow_agent(hollow_agent_options options);

} // namespace troupe
