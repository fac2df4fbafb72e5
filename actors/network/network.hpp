// The network of one machine, put together: the pods' links, PROXY and DNS, all fed with the facts
// that the machine is told.
#pragma once

#include "actors/network/routed_network.hpp"
#include "actors/network/dns.hpp"
#include "actors/network/machine_routes.hpp"
#include "actors/network/proxy.hpp"

#include <memory>

namespace troupe::network_of_pods {

struct network_settings {
  std::string node;
  std::string domain = "cluster.local";
  network pods = *network::parse("10.244.0.0/16");    ///< of all machines
  network services = *network::parse("10.96.0.0/12"); ///< their virtual addresses
  address dns = *address::parse("10.96.0.10");        ///< where pods ask for names
  std::vector<address> upstream_dns;
  std::function<uint64_t()> random;
};

/// The parts of a running network. stop() ends the actors; pods and their connections go on.
class machine_network {
public:
  machine_network(caf::actor_system& system, network_settings given);
  ~machine_network() { stop(); }

  std::shared_ptr<node::pod_network> pods() const { return pods_; }
  /// A cluster.ToNode that the machine was told: one at a time.
  void heard(const std::string& facts);
  void stop();

  /// Removes links and tables of this machine's network, whoever made them.
  static void remove_all();

private:
  void begin(const cluster::ToNode& facts);

  network_settings given_;
  std::shared_ptr<drain_board> board_;
  std::shared_ptr<routed_network> pods_;
  machine_routes routes_;
  proxy_actor proxy_;
  dns_actor dns_;
};

} // namespace troupe::network_of_pods
