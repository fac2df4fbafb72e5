#include "net/dataplane/conntrack.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

namespace troupe::dataplane {

namespace {

uint16_t type_of(int message) {
  return static_cast<uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

std::string header() {
  nfgenmsg head{AF_INET, NFNETLINK_V0, 0};
  return std::string(reinterpret_cast<const char*>(&head), sizeof head);
}

address address_in(std::string_view bytes) {
  address out;
  if (bytes.size() == 4) memcpy(out.bytes.data(), bytes.data(), 4);
  return out;
}

uint16_t port_in(std::string_view bytes) {
  uint16_t out = 0;
  if (bytes.size() == 2) memcpy(&out, bytes.data(), 2);
  return ntohs(out);
}

/// One direction of a flow.
struct tuple {
  address source, destination;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t protocol = 0;
};

tuple read_tuple(std::string_view bytes) {
  tuple out;
  walk_attributes(bytes, [&](uint16_t part, std::string_view nested) {
    walk_attributes(nested, [&](uint16_t what, std::string_view v) {
      if (part == CTA_TUPLE_IP && what == CTA_IP_V4_SRC) out.source = address_in(v);
      if (part == CTA_TUPLE_IP && what == CTA_IP_V4_DST) out.destination = address_in(v);
      if (part != CTA_TUPLE_PROTO) return;
      if (what == CTA_PROTO_NUM && !v.empty()) out.protocol = static_cast<uint8_t>(v[0]);
      if (what == CTA_PROTO_SRC_PORT) out.source_port = port_in(v);
      if (what == CTA_PROTO_DST_PORT) out.destination_port = port_in(v);
    });
  });
  return out;
}

} // namespace

result<size_t> forget_udp_flows(const std::function<bool(const flow&)>& stale) {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  netlink_batch ask;
  ask.begin(type_of(IPCTNL_MSG_CT_GET), 0, header(), "list the tracked connections");
  ask.end();
  netlink_batch away;
  auto listed = socket->ask(ask, true, [&](uint16_t, std::string_view bytes) {
    if (bytes.size() < sizeof(nfgenmsg)) return;
    std::string_view there, id;
    tuple forth, back;
    walk_attributes(bytes.substr(sizeof(nfgenmsg)), [&](uint16_t type, std::string_view v) {
      if (type == CTA_TUPLE_ORIG) forth = read_tuple(there = v);
      if (type == CTA_TUPLE_REPLY) back = read_tuple(v);
      if (type == CTA_ID) id = v;
    });
    if (forth.protocol != IPPROTO_UDP) return;
    if (!stale({forth.destination, back.source, forth.destination_port, back.source_port,
                forth.protocol}))
      return;
    away.begin(type_of(IPCTNL_MSG_CT_DELETE), 0, header(), "forget a tracked connection");
    auto mark = away.open(CTA_TUPLE_ORIG);
    away.put_raw(there);
    away.close(mark);
    if (!id.empty()) away.put(CTA_ID, id); // this one, and none that has come in its place
    away.end();
  });
  if (!listed) return listed.error();
  if (away.empty()) return size_t{0};
  size_t count = away.count();
  auto done = socket->talk(away, [](int failed) { return failed == ENOENT; });
  if (!done) return done.error();
  return count;
}

} // namespace troupe::dataplane
