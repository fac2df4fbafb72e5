// Interfaces, addresses and routes of this machine and of the pods on it, through rtnetlink. Every
// call is harmless to repeat.
#pragma once

#include "messages/base/address.hpp"
#include "net/dataplane/netlink.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace troupe::dataplane {

using mac = std::array<uint8_t, 6>;

/// One network namespace's links. Not for several threads at once.
class links {
public:
  /// Of the calling thread's namespace.
  static result<links> open();
  static result<links> open_in(int netns_fd);

  /// 0 if there is no such link.
  int index_of(const std::string& name);

  /// A bridge that is up.
  result<void> make_bridge(const std::string& name, int mtu);

  /// One end here and up, the other in another namespace and down.
  struct veth {
    std::string name;
    dataplane::mac mac{};
    std::string inside_name;
    dataplane::mac inside_mac{};
    int inside_netns = -1; ///< a file descriptor
    int mtu = 1500;
  };
  result<void> make_veth(const veth& what);
  result<void> set_up(const std::string& name);
  /// Makes a link a port of a bridge, and sets it up.
  result<void> set_bridge(const std::string& name, const std::string& bridge);
  result<void> add_address(const std::string& name, const address& what, int prefix_bits);
  /// A route to `to` over `name`; `gateway` may be none, and need not be on the link's own network.
  result<void> add_route(const network& to, const std::string& name,
                         const std::optional<address>& gateway);
  /// A route to `to` by way of a neighbour; fails if `gateway` is not on a network of this machine.
  result<void> add_route_by(const network& to, const address& gateway);
  result<void> remove_route(const network& to);
  /// The largest packet that the link towards `there` takes; none if there is no way.
  std::optional<int> mtu_towards(const address& there);
  /// An overlay over UDP to peers that add_peer() names; it learns nothing by itself.
  result<void> make_vxlan(const std::string& name, const mac& own, uint32_t id, uint16_t port,
                          int mtu);
  /// What is for `at` on the overlay goes to the machine `host`.
  result<void> add_peer(const std::string& name, const mac& at, const address& host);
  /// Who has an address on this link, for good.
  result<void> add_neighbour(const std::string& name, const address& who, const mac& at);
  result<void> remove_link(const std::string& name);

  struct link {
    int index = 0;
    std::string name;
    bool up = false;
  };
  result<std::vector<link>> all();

  struct route {
    network to;
    int link = 0; ///< its index
  };
  /// The IPv4 routes that lead straight to one address.
  result<std::vector<route>> host_routes();
  /// The IPv4 address from which this machine speaks to others: of the interface of the default
  /// route, else of any that is up and not the loopback; none if there is none.
  std::optional<address> own_address();

private:
  explicit links(netlink_socket socket) : socket_{std::move(socket)} {}

  netlink_socket socket_;
};

} // namespace troupe::dataplane
