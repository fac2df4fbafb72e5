#include "net/dataplane/overlay_guard.hpp"

#include "net/dataplane/nft.hpp"

#include <arpa/inet.h>
#include <functional>
#include <linux/netlink.h>

namespace troupe::dataplane::overlay_guard {

namespace {

using nft::comparison;

constexpr const char* table = "troupe-overlay";
constexpr const char* chain = "arrived";
constexpr const char* peers = "peers";
constexpr int filtering = 0;

std::string raw(const address& a) {
  return std::string(reinterpret_cast<const char*>(a.bytes.data()), 4);
}

/// Ends for whatever is no UDP packet for `port`.
nft::rule for_port(uint16_t port) {
  auto big = htons(port);
  nft::rule out;
  out.load_protocol(0)
      .compare(0, comparison::equal, "\x11")
      .load_destination_port(0)
      .compare(0, comparison::equal, {reinterpret_cast<const char*>(&big), 2});
  return out;
}

result<void> change(const std::function<void(nft::transaction&)>& what) {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  nft::transaction to(table);
  what(to);
  auto batch = to.take();
  return socket->commit(batch);
}

} // namespace

result<void> stand(uint16_t port) {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  if (nft::table_exists(*socket, table)) return {};
  return change([&](nft::transaction& to) {
    to.make_table();
    to.make_set(peers, {.key_type = nft::type_address, .key_bytes = 4});
    to.make_filter_chain(chain, nft::hook::input, filtering);
    to.add_rule(chain,
                for_port(port).load_source(0).is_in(0, peers).decide(nft::verdict::accept()));
    to.add_rule(chain, for_port(port).decide(nft::verdict::drop()));
  });
}

result<void> admit(const address& peer) {
  return change([&](nft::transaction& to) { to.add(peers, raw(peer)); });
}

result<void> dismiss(const address& peer) {
  return change([&](nft::transaction& to) { to.remove(peers, raw(peer)); });
}

void leave() {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  if (socket && nft::table_exists(*socket, table))
    (void)change([](nft::transaction& to) { to.remove_table(); });
}

} // namespace troupe::dataplane::overlay_guard
