// A machine that runs pods, put together: the NODE AGENT, the pods' network, PROXY and DNS.
#pragma once

#include "actors/network/network.hpp"
#include "actors/node/agent.hpp"
#include "bin/options.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace troupe {

struct machine_options {
  std::string name; ///< of its Node; empty: the host's
  std::string ip;   ///< empty: see own_ip()
  std::filesystem::path data_directory = "/var/lib/troupe/node";
  std::filesystem::path run_directory = "/run/troupe";
  std::filesystem::path image_directory;    ///< archives dropped there are imported; empty: nowhere
  std::filesystem::path manifest_directory; ///< of static pods; empty: nowhere
  node::image_limits images;                ///< when unused ones go
  std::filesystem::path registries_file;    ///< containers-registries.conf(5); empty: the system's
  std::string runtime = "runc";             ///< any OCI runtime, by name or path
  std::map<std::string, std::string> runtime_handlers; ///< of RuntimeClasses, to such a runtime
  nodes_actor nodes;
};

/// The address by which others reach this machine; that of its own pods' gateway if it has no
/// other.
std::string own_ip();
std::string host_name();

/// What whoever runs a machine can be told about it: `troupe up` and `troupe agent`.
std::vector<option> options_of(machine_options& o);
/// Fills in what was not told: this machine's own name and address, places below `data`.
void settle(machine_options& o, const std::filesystem::path& data);

class machine {
public:
  static result<std::unique_ptr<machine>> start(caf::actor_system& system, machine_options options);
  /// Pods go on without us.
  ~machine();

  const std::shared_ptr<node::door>& door() const { return agent_.door; }

  /// Ends all pods of a machine and removes what is in the kernel and in the run directory;
  /// `with_data`: images, logs and volumes, too.
  static result<void> clear(const machine_options& options, bool with_data);

private:
  machine() = default;
  std::unique_ptr<network_of_pods::machine_network> network_;
  node::agent agent_;
};

} // namespace troupe
