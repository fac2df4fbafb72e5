#include "actors/network/routed_network.hpp"

#include "net/dataplane/links.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <unistd.h>

namespace troupe::network_of_pods {

namespace {

constexpr const char* inside = "eth0";

/// A setting of this machine's network. What cannot be set is said by what does not work then.
void set_kernel(const std::string& path, const char* value) {
  int fd = open(("/proc/sys/net/" + path).c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!write(fd, value, strlen(value));
  close(fd);
}

// Both ends know each other from the start: nobody has to ask who has an address.
constexpr dataplane::mac gateway_mac{0xee, 0xee, 0xee, 0xee, 0xee, 0xee};

dataplane::mac mac_of(const address& ip) {
  return {0x0a, 0x58, ip.bytes[0], ip.bytes[1], ip.bytes[2], ip.bytes[3]};
}

struct descriptor {
  explicit descriptor(int fd) : fd{fd} {}
  ~descriptor() {
    if (fd >= 0) close(fd);
  }
  int fd;
};

} // namespace

result<void> routed_network::begin(const network& range) {
  address_pool pool(range);
  auto here = dataplane::links::open();
  if (!here) return here.error();
  // A bridge without ports is a link that every kernel has and that is nobody's.
  for (auto& step : {here->make_bridge(given_.home, given_.mtu),
                     here->add_address(given_.home, pool.gateway(), 32)})
    if (!step) return step;
  if (given_.services.bits > 0)
    if (auto routed = here->add_route(given_.services, given_.home, {}); !routed) return routed;
  set_kernel("ipv4/ip_forward", "1");
  if (auto known = keep_those_attached(*here, pool); !known) return known;
  std::lock_guard lock{mutex_};
  if (!pool_) pool_.emplace(pool);
  return {};
}

/// Pods that an earlier process attached are looked at one by one, later: until then the kernel
/// knows who has which address.
result<void> routed_network::keep_those_attached(dataplane::links& here, address_pool& pool) const {
  auto links = here.all();
  auto routes = here.host_routes();
  if (!links || !routes) return (links ? routes.error() : links.error());
  std::map<int, std::string> names;
  for (auto& l : *links)
    if (l.name.starts_with(given_.link_prefix)) names[l.index] = l.name;
  for (auto& r : *routes)
    if (auto owner = names.find(r.link); owner != names.end()) pool.keep(owner->second, r.to.base);
  return {};
}

std::optional<address> routed_network::gateway() const {
  std::lock_guard lock{mutex_};
  return pool_ ? std::optional(pool_->gateway()) : std::nullopt;
}

result<void> routed_network::ready() {
  std::lock_guard lock{mutex_};
  if (pool_) return {};
  return error{errc::unavailable, "the node has no range of pod addresses yet"};
}

std::string routed_network::link_of(const std::string& pod_uid) const {
  uint64_t h = 14695981039346656037u; // FNV-1a
  for (unsigned char c : pod_uid) h = (h ^ c) * 1099511628211u;
  char out[9];
  snprintf(out, sizeof out, "%08x", static_cast<unsigned>(h ^ h >> 32));
  return given_.link_prefix + out;
}

result<address> routed_network::address_for(const node::attach_request& what) {
  std::lock_guard lock{mutex_};
  if (!pool_) return error{errc::unavailable, "the node has no range of pod addresses yet"};
  auto owner = link_of(what.pod_uid);
  for (auto& ip : what.adopted_ips)
    if (auto own = address::parse(ip); own && pool_->keep(owner, *own)) return *own;
  if (auto own = pool_->take(owner)) return *own;
  return error{errc::unavailable, "all addresses of this node's range are taken"};
}

result<std::vector<std::string>> routed_network::attach(const node::attach_request& what) {
  auto own = address_for(what);
  if (!own) return own.error();
  auto failed = [&](const error& why) {
    if (what.adopted_ips.empty()) detach(what.pod_uid);
    return with_context(why, "cannot attach the pod to the network");
  };
  if (what.adopted_ips.empty()) {
    descriptor netns(open(what.netns_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (netns.fd < 0)
      return failed({errc::internal, what.netns_path + ": " + std::string(strerror(errno))});
    auto here = dataplane::links::open();
    if (!here) return failed(here.error());
    auto name = link_of(what.pod_uid);
    auto pod_mac = mac_of(*own);
    auto made = here->make_veth({.name = name,
                                 .mac = gateway_mac,
                                 .inside_name = inside,
                                 .inside_mac = pod_mac,
                                 .inside_netns = netns.fd,
                                 .mtu = given_.mtu});
    if (!made) return failed(made.error());
    auto there = dataplane::links::open_in(netns.fd);
    if (!there) return failed(there.error());
    auto gateway = *this->gateway();
    for (auto& step :
         {there->set_up(inside), there->add_address(inside, *own, 32),
          there->add_route({gateway, 32}, inside, {}),
          there->add_neighbour(inside, gateway, gateway_mac),
          there->add_route({address{}, 0}, inside, gateway), here->add_route({*own, 32}, name, {}),
          here->add_neighbour(name, *own, pod_mac)})
      if (!step) return failed(step.error());
  }
  return std::vector<std::string>{own->text()};
}

bool routed_network::drain(const std::string& pod_uid, std::chrono::milliseconds patience) {
  std::optional<address> own;
  {
    std::lock_guard lock{mutex_};
    if (pool_) own = pool_->of(link_of(pod_uid));
  }
  return own && given_.board && given_.board->wait_for(*own, patience);
}

void routed_network::on_taken_in(std::function<void(uint64_t)> call) {
  if (given_.board) given_.board->on_taken_in(std::move(call));
}

void routed_network::detach(const std::string& pod_uid) {
  if (auto here = dataplane::links::open()) (void)here->remove_link(link_of(pod_uid));
  std::lock_guard lock{mutex_};
  if (pool_) pool_->release(link_of(pod_uid));
}

void routed_network::remove_all(const routed_settings& given) {
  auto here = dataplane::links::open();
  if (!here) return;
  auto found = here->all();
  if (!found) return;
  for (auto& l : *found)
    if (l.name == given.home || l.name.starts_with(given.link_prefix))
      (void)here->remove_link(l.name);
}

} // namespace troupe::network_of_pods
