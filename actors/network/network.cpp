#include "actors/network/network.hpp"

#include "messages/api/node.pb.h"
#include "messages/base/log.hpp"
#include "messages/cluster/node.pb.h"

#include <linux/netlink.h>

namespace troupe::network_of_pods {

machine_network::machine_network(caf::actor_system& system, network_settings given)
    : given_{std::move(given)}, board_{std::make_shared<drain_board>()},
      pods_{std::make_shared<routed_network>(
          routed_settings{.services = given_.services, .board = board_})},
      routes_{given_.node} {
  proxy_settings of_proxy;
  of_proxy.node = given_.node;
  of_proxy.board = board_;
  of_proxy.table.all_pods = given_.pods;
  of_proxy.own_doors = [dns = given_.dns](const address& gateway) {
    // Every machine answers for names itself: the cluster's one address leads to its own server.
    doors out;
    for (uint8_t protocol : {6, 17}) out[{dns, protocol, 53}] = {{{gateway, 53}}, 0, false, {}};
    return out;
  };
  proxy_ = system.spawn(proxy, of_proxy);
  dns_ = system.spawn(dns_service, dns_settings{.node = given_.node,
                                                .domain = given_.domain,
                                                .upstream = given_.upstream_dns,
                                                .random = given_.random});
}

void machine_network::heard(const std::string& bytes) {
  cluster::ToNode facts;
  facts.ParseFromString(bytes);
  if (!pods_->gateway()) begin(facts);
  routes_.heard(facts);
  caf::anon_send(proxy_, told_atom_v, bytes);
  caf::anon_send(dns_, told_atom_v, bytes);
}

/// The range of our pods stands in our Node object, once the servers have chosen it.
void machine_network::begin(const cluster::ToNode& facts) {
  for (auto& f : facts.facts()) {
    auto& name = f.stands().name();
    if (name.resource() != "nodes" || name.name() != given_.node) continue;
    k8s::core::v1::Node node;
    node.ParsePartialFromString(f.stands().value());
    auto range = network::parse(node.spec().pod_cidr());
    if (!range) continue;
    if (auto begun = pods_->begin(*range); !begun)
      log::error("network", "pods cannot be attached", {{"why", begun.error().message}});
  }
}

void machine_network::stop() {
  caf::anon_send_exit(proxy_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(dns_, caf::exit_reason::user_shutdown);
}

void machine_network::remove_all() {
  routed_network::remove_all({});
  machine_routes::remove_all();
  auto socket = dataplane::netlink_socket::open(NETLINK_NETFILTER);
  dataplane::nft::transaction away("troupe");
  if (!socket || !dataplane::nft::table_exists(*socket, "troupe")) return;
  away.remove_table();
  auto batch = away.take();
  (void)socket->commit(batch);
}

} // namespace troupe::network_of_pods
