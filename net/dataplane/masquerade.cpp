#include "net/dataplane/masquerade.hpp"

#include "net/dataplane/nft.hpp"

#include <arpa/inet.h>
#include <linux/netlink.h>

namespace troupe::dataplane::masquerade {

namespace {

using nft::comparison;

constexpr const char* chain = "leaving";
constexpr int after_routing = 100; // where source addresses are translated

std::string mask_of(int bits) {
  auto big = htonl(bits == 0 ? 0 : ~uint32_t{0} << (32 - bits));
  return {reinterpret_cast<const char*>(&big), sizeof big};
}

std::string raw(const address& a) { return {reinterpret_cast<const char*>(a.bytes.data()), 4}; }

} // namespace

result<void> stand(const std::string& table, const network& inside) {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  if (nft::table_exists(*socket, table)) return {};
  auto mask = mask_of(inside.bits), own = raw(inside.base);
  nft::rule out;
  out.load_source(0)
      .mask(0, 0, mask)
      .compare(0, comparison::equal, own)
      .load_destination(0)
      .mask(0, 0, mask)
      .compare(0, comparison::not_equal, own)
      .masquerade();
  nft::transaction to(table);
  to.make_table();
  to.make_nat_chain(chain, nft::hook::postrouting, after_routing);
  to.add_rule(chain, std::move(out));
  auto batch = to.take();
  return socket->commit(batch);
}

bool stands(const std::string& table) {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  return socket && nft::table_exists(*socket, table);
}

void leave(const std::string& table) {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  if (!socket || !nft::table_exists(*socket, table)) return;
  nft::transaction to(table);
  to.remove_table();
  auto batch = to.take();
  (void)socket->commit(batch);
}

} // namespace troupe::dataplane::masquerade
