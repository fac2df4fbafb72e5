#include "net/dataplane/links.hpp"

#include <cerrno>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

namespace troupe::dataplane {

namespace {

std::string bytes_of(const auto& x) {
  return std::string(reinterpret_cast<const char*>(&x), sizeof x);
}

std::string_view raw(const address& a) {
  return {reinterpret_cast<const char*>(a.bytes.data()), a.v6 ? size_t{16} : size_t{4}};
}

std::string_view raw(const mac& m) { return {reinterpret_cast<const char*>(m.data()), m.size()}; }

uint8_t family_of(const address& a) { return a.v6 ? AF_INET6 : AF_INET; }

bool is_there(int code) { return code == EEXIST; }

std::string link_header(int index, unsigned flags, unsigned change) {
  ifinfomsg head{};
  head.ifi_index = index;
  head.ifi_flags = flags;
  head.ifi_change = change;
  return bytes_of(head);
}

int read_int(std::string_view bytes) {
  int out = 0;
  if (bytes.size() == sizeof out) memcpy(&out, bytes.data(), sizeof out);
  return out;
}

std::optional<address> read_address(uint8_t family, std::string_view bytes) {
  address a;
  a.v6 = family == AF_INET6;
  if (bytes.size() != (a.v6 ? 16u : 4u)) return {};
  memcpy(a.bytes.data(), bytes.data(), bytes.size());
  return a;
}

/// Visits each route of the main table: where to, none for the way to everywhere else, in how many
/// bits, and the index of the link that it leaves by.
template<class Visit> result<void> each_route(netlink_socket& socket, Visit visit) {
  netlink_batch ask;
  rtmsg wanted{};
  wanted.rtm_family = AF_INET;
  ask.begin(RTM_GETROUTE, 0, bytes_of(wanted), "list the routes");
  ask.end();
  return socket.ask(ask, true, [&](uint16_t, std::string_view bytes) {
    rtmsg head;
    if (bytes.size() < sizeof head) return;
    memcpy(&head, bytes.data(), sizeof head);
    if (head.rtm_table != RT_TABLE_MAIN) return;
    int link = 0;
    std::optional<address> to;
    walk_attributes(bytes.substr(sizeof head), [&](uint16_t type, std::string_view value) {
      if (type == RTA_OIF) link = read_int(value);
      if (type == RTA_DST) to = read_address(AF_INET, value);
    });
    visit(to, head.rtm_dst_len, link);
  });
}

} // namespace

result<links> links::open() {
  auto socket = netlink_socket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  return links(std::move(*socket));
}

result<links> links::open_in(int netns_fd) {
  auto socket = netlink_socket::open_in(NETLINK_ROUTE, netns_fd);
  if (!socket) return socket.error();
  return links(std::move(*socket));
}

result<std::vector<links::link>> links::all() {
  netlink_batch ask;
  ask.begin(RTM_GETLINK, 0, link_header(0, 0, 0), "list the links");
  ask.end();
  std::vector<link> out;
  auto done = socket_.ask(ask, true, [&](uint16_t, std::string_view bytes) {
    ifinfomsg head;
    if (bytes.size() < sizeof head) return;
    memcpy(&head, bytes.data(), sizeof head);
    link l{head.ifi_index, {}, (head.ifi_flags & IFF_UP) != 0};
    walk_attributes(bytes.substr(sizeof head), [&](uint16_t type, std::string_view value) {
      if (type == IFLA_IFNAME) l.name = value.substr(0, value.find('\0'));
    });
    out.push_back(std::move(l));
  });
  if (!done) return done.error();
  return out;
}

int links::index_of(const std::string& name) {
  netlink_batch ask;
  ask.begin(RTM_GETLINK, 0, link_header(0, 0, 0), "find the link " + name);
  ask.put_text(IFLA_IFNAME, name);
  ask.end();
  int index = 0;
  (void)socket_.ask(ask, false, [&](uint16_t, std::string_view bytes) {
    ifinfomsg head;
    if (bytes.size() < sizeof head) return;
    memcpy(&head, bytes.data(), sizeof head);
    index = head.ifi_index;
  });
  return index;
}

result<void> links::make_bridge(const std::string& name, int mtu) {
  netlink_batch make;
  make.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(0, IFF_UP, IFF_UP),
             "make the bridge " + name);
  make.put_text(IFLA_IFNAME, name);
  make.put_u32(IFLA_MTU, static_cast<uint32_t>(mtu));
  auto info = make.open(IFLA_LINKINFO);
  make.put(IFLA_INFO_KIND, "bridge");
  make.close(info);
  make.end();
  if (auto made = socket_.talk(make, is_there); !made) return made;
  return set_up(name);
}

result<void> links::make_veth(const veth& what) {
  netlink_batch make;
  make.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(0, IFF_UP, IFF_UP),
             "make the link " + what.name);
  make.put_text(IFLA_IFNAME, what.name);
  make.put(IFLA_ADDRESS, raw(what.mac));
  make.put_u32(IFLA_MTU, static_cast<uint32_t>(what.mtu));
  auto info = make.open(IFLA_LINKINFO);
  make.put(IFLA_INFO_KIND, "veth");
  auto data = make.open(IFLA_INFO_DATA);
  auto peer = make.open(VETH_INFO_PEER);
  make.put_raw(link_header(0, 0, 0));
  make.put_text(IFLA_IFNAME, what.inside_name);
  make.put(IFLA_ADDRESS, raw(what.inside_mac));
  make.put_u32(IFLA_MTU, static_cast<uint32_t>(what.mtu));
  make.put_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(what.inside_netns));
  make.close(peer);
  make.close(data);
  make.close(info);
  make.end();
  return socket_.talk(make, is_there);
}

result<void> links::add_neighbour(const std::string& name, const address& who, const mac& at) {
  ndmsg head{};
  head.ndm_family = family_of(who);
  head.ndm_ifindex = index_of(name);
  head.ndm_state = NUD_PERMANENT;
  netlink_batch add;
  add.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, bytes_of(head),
            "say who has " + who.text() + " on " + name);
  add.put(NDA_DST, raw(who));
  add.put(NDA_LLADDR, raw(at));
  add.end();
  return socket_.talk(add);
}

result<void> links::set_up(const std::string& name) {
  netlink_batch change;
  change.begin(RTM_NEWLINK, 0, link_header(0, IFF_UP, IFF_UP), "set " + name + " up");
  change.put_text(IFLA_IFNAME, name);
  change.end();
  return socket_.talk(change);
}

result<void> links::set_bridge(const std::string& name, const std::string& bridge) {
  netlink_batch change;
  change.begin(RTM_NEWLINK, 0, link_header(0, IFF_UP, IFF_UP), "put " + name + " on " + bridge);
  change.put_text(IFLA_IFNAME, name);
  change.put_u32(IFLA_MASTER, static_cast<uint32_t>(index_of(bridge)));
  change.end();
  return socket_.talk(change);
}

result<void> links::add_address(const std::string& name, const address& what, int prefix_bits) {
  ifaddrmsg head{};
  head.ifa_family = family_of(what);
  head.ifa_prefixlen = static_cast<uint8_t>(prefix_bits);
  head.ifa_index = static_cast<unsigned>(index_of(name));
  netlink_batch add;
  add.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, bytes_of(head),
            "give " + name + " the address " + what.text());
  add.put(IFA_LOCAL, raw(what));
  add.put(IFA_ADDRESS, raw(what));
  add.end();
  return socket_.talk(add, is_there);
}

result<void> links::add_route(const network& to, const std::string& name,
                              const std::optional<address>& gateway) {
  rtmsg head{};
  head.rtm_family = family_of(to.base);
  head.rtm_dst_len = static_cast<uint8_t>(to.bits);
  head.rtm_table = RT_TABLE_MAIN;
  head.rtm_protocol = RTPROT_STATIC;
  head.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  head.rtm_type = RTN_UNICAST;
  if (gateway) head.rtm_flags = RTNH_F_ONLINK;
  netlink_batch add;
  add.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, bytes_of(head),
            "route " + to.text() + " over " + name);
  if (to.bits > 0) add.put(RTA_DST, raw(to.base));
  add.put_u32(RTA_OIF, static_cast<uint32_t>(index_of(name)));
  if (gateway) add.put(RTA_GATEWAY, raw(*gateway));
  add.end();
  return socket_.talk(add, is_there);
}

result<void> links::add_route_by(const network& to, const address& gateway) {
  rtmsg head{};
  head.rtm_family = family_of(to.base);
  head.rtm_dst_len = static_cast<uint8_t>(to.bits);
  head.rtm_table = RT_TABLE_MAIN;
  head.rtm_protocol = RTPROT_STATIC;
  head.rtm_scope = RT_SCOPE_UNIVERSE;
  head.rtm_type = RTN_UNICAST;
  netlink_batch add;
  add.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, bytes_of(head),
            "route " + to.text() + " by way of " + gateway.text());
  add.put(RTA_DST, raw(to.base));
  add.put(RTA_GATEWAY, raw(gateway));
  add.end();
  return socket_.talk(add);
}

result<void> links::remove_route(const network& to) {
  rtmsg head{};
  head.rtm_family = family_of(to.base);
  head.rtm_dst_len = static_cast<uint8_t>(to.bits);
  head.rtm_table = RT_TABLE_MAIN;
  head.rtm_scope = RT_SCOPE_NOWHERE;
  netlink_batch remove;
  remove.begin(RTM_DELROUTE, 0, bytes_of(head), "remove the route to " + to.text());
  remove.put(RTA_DST, raw(to.base));
  remove.end();
  return socket_.talk(remove, [](int code) { return code == ESRCH; });
}

std::optional<int> links::mtu_towards(const address& there) {
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_dst_len = 32;
  netlink_batch ask;
  ask.begin(RTM_GETROUTE, 0, bytes_of(route), "find the way to " + there.text());
  ask.put(RTA_DST, raw(there));
  ask.end();
  int leaves_by = 0;
  (void)socket_.ask(ask, false, [&](uint16_t, std::string_view bytes) {
    if (bytes.size() < sizeof route) return;
    walk_attributes(bytes.substr(sizeof route), [&](uint16_t type, std::string_view value) {
      if (type == RTA_OIF) leaves_by = read_int(value);
    });
  });
  if (leaves_by == 0) return {};
  std::optional<int> out;
  ask = {};
  ask.begin(RTM_GETLINK, 0, link_header(leaves_by, 0, 0), "look at a link");
  ask.end();
  (void)socket_.ask(ask, false, [&](uint16_t, std::string_view bytes) {
    if (bytes.size() < sizeof(ifinfomsg)) return;
    walk_attributes(bytes.substr(sizeof(ifinfomsg)), [&](uint16_t type, std::string_view value) {
      if (type == IFLA_MTU && value.size() == 4) out = read_int(value);
    });
  });
  return out;
}

result<void> links::make_vxlan(const std::string& name, const mac& own, uint32_t id, uint16_t port,
                               int mtu) {
  netlink_batch make;
  make.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(0, IFF_UP, IFF_UP),
             "make the overlay " + name);
  make.put_text(IFLA_IFNAME, name);
  make.put(IFLA_ADDRESS, raw(own));
  make.put_u32(IFLA_MTU, static_cast<uint32_t>(mtu));
  auto info = make.open(IFLA_LINKINFO);
  make.put(IFLA_INFO_KIND, "vxlan");
  auto data = make.open(IFLA_INFO_DATA);
  make.put_u32(IFLA_VXLAN_ID, id);
  make.put_be16(IFLA_VXLAN_PORT, port);
  make.put_u8(IFLA_VXLAN_LEARNING, 0);
  make.close(data);
  make.close(info);
  make.end();
  if (auto made = socket_.talk(make, is_there); !made) return made;
  return set_up(name);
}

result<void> links::add_peer(const std::string& name, const mac& at, const address& host) {
  ndmsg head{};
  head.ndm_family = PF_BRIDGE;
  head.ndm_ifindex = index_of(name);
  head.ndm_state = NUD_PERMANENT | NUD_NOARP;
  head.ndm_flags = NTF_SELF;
  netlink_batch add;
  add.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, bytes_of(head),
            "say which machine " + host.text() + " is on " + name);
  add.put(NDA_LLADDR, raw(at));
  add.put(NDA_DST, raw(host));
  add.end();
  return socket_.talk(add);
}

result<void> links::remove_link(const std::string& name) {
  netlink_batch remove;
  remove.begin(RTM_DELLINK, 0, link_header(0, 0, 0), "remove the link " + name);
  remove.put_text(IFLA_IFNAME, name);
  remove.end();
  return socket_.talk(remove, [](int code) { return code == ENODEV; });
}

result<std::vector<links::route>> links::host_routes() {
  std::vector<route> out;
  auto done = each_route(socket_, [&](const std::optional<address>& to, int bits, int link) {
    if (to && bits == 32) out.push_back({{*to, bits}, link});
  });
  if (!done) return done.error();
  return out;
}

std::optional<address> links::own_address() {
  int preferred = 0; // the link of the way to everywhere else
  (void)each_route(socket_, [&](const std::optional<address>&, int bits, int link) {
    if (bits == 0 && preferred == 0) preferred = link;
  });
  netlink_batch ask;
  std::optional<address> first, best;
  ifaddrmsg of{};
  of.ifa_family = AF_INET;
  ask.begin(RTM_GETADDR, 0, bytes_of(of), "list the addresses");
  ask.end();
  (void)socket_.ask(ask, true, [&](uint16_t, std::string_view bytes) {
    ifaddrmsg head;
    if (bytes.size() < sizeof head) return;
    memcpy(&head, bytes.data(), sizeof head);
    walk_attributes(bytes.substr(sizeof head), [&](uint16_t type, std::string_view value) {
      if (type != IFA_LOCAL || head.ifa_family != AF_INET) return;
      auto a = read_address(head.ifa_family, value);
      if (!a || a->loopback()) return;
      if (!first) first = a;
      if (!best && static_cast<int>(head.ifa_index) == preferred) best = a;
    });
  });
  return best ? best : first;
}

} // namespace troupe::dataplane
