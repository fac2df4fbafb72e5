#include "actors/network/machine_routes.hpp"

#include "messages/base/log.hpp"
#include "net/dataplane/links.hpp"
#include "net/dataplane/overlay_guard.hpp"

#include <set>

namespace troupe::network_of_pods {

namespace overlay_guard = dataplane::overlay_guard;

namespace {

constexpr const char* overlay = "troupe-overlay";
constexpr uint32_t overlay_id = 0x74726f; // "tro"
constexpr uint16_t overlay_port = 4789;
constexpr int usual_mtu = 1500;

/// Every machine's hardware address on the overlay follows from its range: nobody has to tell it.
dataplane::mac mac_of(const network& pods) {
  auto& b = pods.base.bytes;
  return {0x0a, 0x59, b[0], b[1], b[2], b[3]};
}

} // namespace

std::optional<other_machine> machine_of(const k8s::core::v1::Node& node) {
  auto pods = network::parse(node.spec().pod_cidr());
  if (!pods || pods->base.v6) return {};
  for (auto& a : node.status().addresses())
    if (a.type() == "InternalIP")
      if (auto host = address::parse(a.address()); host && !host->v6)
        return other_machine{*host, *pods};
  return {};
}

void machine_routes::heard(const cluster::ToNode& facts) {
  std::set<std::string> told;
  bool all = false;
  for (auto& fact : facts.facts()) {
    all = all || fact.has_all_told();
    auto& name = fact.has_gone() ? fact.gone() : fact.stands().name();
    if (name.resource() != "nodes") continue;
    if (fact.has_gone()) {
      put(name.name(), {});
      continue;
    }
    told.insert(name.name());
    k8s::core::v1::Node node;
    node.ParsePartialFromString(fact.stands().value());
    auto machine = machine_of(node);
    if (name.name() != own_node_) {
      put(name.name(), machine);
    } else if (auto range = network::parse(node.spec().pod_cidr()); range && !own_pods_) {
      own_pods_ = range;
      for (auto& [other, there] : std::exchange(later_, {})) put(other, there);
    }
  }
  if (!all) return;
  for (auto& name : [&] {
         std::vector<std::string> gone;
         for (auto& [other, _] : others_)
           if (!told.contains(other)) gone.push_back(other);
         return gone;
       }())
    put(name, {});
}

void machine_routes::put(const std::string& name, const std::optional<other_machine>& now) {
  if (!own_pods_) {
    if (now)
      later_[name] = *now;
    else
      later_.erase(name);
    return;
  }
  auto old = others_.find(name);
  if (old != others_.end() && now && old->second == *now) return;
  if (old != others_.end()) {
    if (auto here = dataplane::links::open()) (void)here->remove_route(old->second.pods);
    if (overlay_) (void)overlay_guard::dismiss(old->second.host);
    others_.erase(old);
  }
  if (!now) return;
  if (auto done = reach(*now); !done) {
    log::warn("network", "the pods of another machine cannot be reached",
              {{"node", name}, {"why", done.error().message}});
    return;
  }
  others_[name] = *now;
}

result<void> machine_routes::reach(const other_machine& there) {
  auto here = dataplane::links::open();
  if (!here) return here.error();
  if (here->add_route_by(there.pods, there.host)) return {};
  // Not a neighbour: over the overlay, where the first address of its range is the machine itself.
  auto peer = mac_of(there.pods);
  auto mtu = here->mtu_towards(there.host).value_or(usual_mtu) - overlay_bytes;
  overlay_ = true;
  for (auto& step :
       {overlay_guard::stand(overlay_port), overlay_guard::admit(there.host),
        here->make_vxlan(overlay, mac_of(*own_pods_), overlay_id, overlay_port, mtu),
        here->add_address(overlay, own_pods_->base, 32), here->add_peer(overlay, peer, there.host),
        here->add_neighbour(overlay, there.pods.base, peer),
        here->add_route(there.pods, overlay, there.pods.base)})
    if (!step) return step;
  return {};
}

void machine_routes::remove_all() {
  if (auto here = dataplane::links::open()) (void)here->remove_link(overlay);
  overlay_guard::leave();
}

} // namespace troupe::network_of_pods
