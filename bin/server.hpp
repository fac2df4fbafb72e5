// `troupe server`: a control-plane member.
#pragma once

#include "bin/control_plane.hpp"
#include "bin/hollow.hpp"
#include "bin/options.hpp"

namespace troupe {

struct server_options {
  control_plane_options plane;
  std::string join;                ///< "TOKEN@HOST": become one of the servers there
  uint64_t id = 0;                 ///< 0: whatever is remembered, or the first
  hollow_options hollow;           ///< nodes that this server pretends
  std::filesystem::path manifests; ///< whose objects are kept applied; empty: none
};

command_spec spec_of(server_options& o);

/// Which number this server has: given, remembered from its first start, or got by joining.
result<void> find_number(server_options& o);

/// Runs until a signal ends it; the exit code.
int run_server(server_options options);

/// The arguments after the word `server`, read and run.
int server_command(const std::vector<std::string>& arguments);

} // namespace troupe
