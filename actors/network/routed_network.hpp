// The network of one machine's pods: a veth pair into each pod's namespace, an address from the
// node's range, and a route to it. A pod's only neighbour is the machine, so that all it sends
// passes the services' maps; docs/decisions/0040-routed-pods.md says why it is no bridge.
#pragma once

#include "actors/network/address_pool.hpp"
#include "actors/network/drain_board.hpp"
#include "actors/node/pod_network.hpp"
#include "net/dataplane/links.hpp"

#include <memory>
#include <mutex>

namespace troupe::network_of_pods {

struct routed_settings {
  std::string home = "troupe0";        ///< the link that has the gateway's address
  std::string link_prefix = "troupe-"; ///< of the links to pods on this machine's side
  network services;                    ///< routed to `home`, so that they have a way at all
  int mtu = 1500;
  std::shared_ptr<drain_board> board; ///< whom PROXY leads clients to; none: nobody is asked
};

class routed_network : public node::pod_network {
public:
  explicit routed_network(routed_settings given) : given_{std::move(given)} {}

  /// Makes the gateway of this range, which the servers gave to the node. Pods wait until then.
  result<void> begin(const network& range);
  /// The gateway's address, once there is one: where the machine is reached from its pods.
  std::optional<address> gateway() const;

  result<void> ready() override;
  result<std::vector<std::string>> attach(const node::attach_request& what) override;
  bool drain(const std::string& pod_uid, std::chrono::milliseconds patience) override;
  void on_taken_in(std::function<void(uint64_t)> call) override;
  void detach(const std::string& pod_uid) override;

  /// Removes the gateway and every link to a pod, from this process or an earlier one.
  static void remove_all(const routed_settings& given);

private:
  std::string link_of(const std::string& pod_uid) const;
  result<void> keep_those_attached(dataplane::links& here, address_pool& pool) const;
  result<address> address_for(const node::attach_request& what);

  routed_settings given_;
  mutable std::mutex mutex_; ///< for pool_ alone: the kernel is asked without it
  std::optional<address_pool> pool_; ///< owners are the links to pods
};

} // namespace troupe::network_of_pods
