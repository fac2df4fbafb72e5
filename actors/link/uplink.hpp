// UPLINK: on a node, stands for the NODES of whichever server leads. Links to all servers are kept
// up; the one that leads says so, and the agent arrives there.
#pragma once

#include "actors/link/hub.hpp"

#include <chrono>
#include <map>

namespace troupe {

struct uplink_settings {
  std::string node;
  tls::credentials who; ///< common name `system:node:<node>`, of the group system:nodes
  std::map<uint64_t, server_address> servers;
  uint64_t seed = 1;
  /// The servers are these from now on: worth remembering. On the actor's thread.
  std::function<void(const std::map<uint64_t, server_address>&)> servers_changed;
};

/// The links of a node and the actor that its agent takes for NODES.
class uplinks {
public:
  static result<std::unique_ptr<uplinks>> start(caf::actor_system& system, uplink_settings given);
  ~uplinks();

  nodes_actor nodes() const { return nodes_; }
  /// What servers ask about this node's pods is asked here from now on.
  void serve(link::door node);
  /// Another certificate for links made from now on.
  result<void> renew(const tls::credentials& who) { return network_->reload(who); }
  void stop();

  /// Asks a server to sign a request for a new certificate. Any thread; waits for the answer.
  result<std::string> sign(const std::string& request_pem, std::chrono::milliseconds patience);
  /// Keeps links to these servers and no others from now on. Any thread.
  void aim(const std::map<uint64_t, server_address>& servers);

  struct connections;

private:
  uplinks() = default;
  std::shared_ptr<connections> all_;
  std::unique_ptr<link::network> network_;
  uplink_actor nodes_;
};

} // namespace troupe
