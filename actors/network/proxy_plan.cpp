#include "actors/network/proxy_plan.hpp"

#include "messages/schema/pod_phase.hpp"

#include <algorithm>

namespace troupe::network_of_pods {

namespace {

using k8s::core::v1::Service;
using k8s::core::v1::ServicePort;
using k8s::discovery::v1::Endpoint;
using k8s::discovery::v1::EndpointSlice;

constexpr int sticky_seconds_default = 10'800;

struct candidate {
  dataplane::backend at;
  const Endpoint* endpoint = nullptr;
  bool local = false;
};

bool ready(const Endpoint& e) { return !e.conditions().has_ready() || e.conditions().ready(); }

/// On its way out, but still answering.
bool leaving(const Endpoint& e) {
  auto& c = e.conditions();
  return c.terminating() && (c.has_serving() ? c.serving() : ready(e));
}

std::vector<candidate> candidates(const ServicePort& port,
                                  const std::vector<const EndpointSlice*>& slices,
                                  const standpoint& here) {
  std::vector<candidate> out;
  for (auto slice : slices) {
    if (slice->address_type() != "IPv4") continue;
    for (auto& p : slice->ports()) {
      auto protocol = p.protocol().empty() ? "TCP" : p.protocol();
      if (p.name() != port.name() || protocol != port.protocol() || p.port() == 0) continue;
      for (auto& e : slice->endpoints()) {
        // Only the first address of an endpoint counts; the others are the same pod's.
        auto ip = e.addresses().empty() ? std::nullopt : address::parse(e.addresses(0));
        if (ip && !ip->v6)
          out.push_back({{*ip, static_cast<uint16_t>(p.port())}, &e, e.node_name() == here.node});
      }
    }
  }
  return out;
}

/// Keeps to this zone or node if every endpoint says for whom it is and some are for us.
void heed_hints(std::vector<candidate>& all, const standpoint& here) {
  auto hinted = [&](auto has) {
    return !all.empty() &&
           std::all_of(all.begin(), all.end(), [&](auto& c) { return has(*c.endpoint); });
  };
  auto narrow = [&](auto is_for_us) {
    auto mine = all;
    std::erase_if(mine, [&](auto& c) { return !is_for_us(*c.endpoint); });
    if (mine.empty()) return false;
    all = std::move(mine);
    return true;
  };
  if (hinted([](auto& e) { return e.hints().for_nodes_size() > 0; }) && narrow([&](auto& e) {
        return std::any_of(e.hints().for_nodes().begin(), e.hints().for_nodes().end(),
                           [&](auto& n) { return n.name() == here.node; });
      }))
    return;
  if (!here.zone.empty() && hinted([](auto& e) { return e.hints().for_zones_size() > 0; }))
    narrow([&](auto& e) {
      return std::any_of(e.hints().for_zones().begin(), e.hints().for_zones().end(),
                         [&](auto& z) { return z.name() == here.zone; });
    });
}

std::vector<dataplane::backend> choose(std::vector<candidate> all, bool local_only,
                                       const standpoint& here) {
  if (local_only) std::erase_if(all, [](auto& c) { return !c.local; });
  auto chosen = all;
  std::erase_if(chosen, [](auto& c) { return !ready(*c.endpoint); });
  if (chosen.empty()) {
    // Rather one on its way out than nobody.
    chosen = std::move(all);
    std::erase_if(chosen, [](auto& c) { return !leaving(*c.endpoint); });
  }
  if (!local_only) heed_hints(chosen, here);
  std::vector<dataplane::backend> out;
  out.reserve(chosen.size());
  for (auto& c : chosen) out.push_back(c.at);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// Whom a load balancer may let in; empty: anybody.
std::vector<network> source_ranges(const Service& service) {
  std::vector<network> out;
  for (auto text : service.spec().load_balancer_source_ranges()) {
    text.erase(0, text.find_first_not_of(' '));
    text.erase(text.find_last_not_of(' ') + 1);
    if (auto n = network::parse(text); n && !n->base.v6) out.push_back(*n);
  }
  return out;
}

} // namespace

uint8_t protocol_number(std::string_view name) {
  if (name == "TCP" || name.empty()) return 6;
  if (name == "UDP") return 17;
  if (name == "SCTP") return 132;
  return 0;
}

doors doors_of(const Service& service, const std::vector<const EndpointSlice*>& slices,
               const standpoint& here) {
  doors out;
  auto& spec = service.spec();
  if (spec.type() == "ExternalName" || spec.cluster_ip().empty() || spec.cluster_ip() == "None")
    return out;
  int sticky = 0;
  if (spec.session_affinity() == "ClientIP") {
    auto& config = spec.session_affinity_config().client_ip();
    sticky = config.has_timeout_seconds() ? config.timeout_seconds() : sticky_seconds_default;
  }
  auto allowed = source_ranges(service);
  for (auto& port : spec.ports()) {
    auto protocol = protocol_number(port.protocol());
    if (protocol == 0) continue;
    auto all = candidates(port, slices, here);
    auto open = [&](const address& ip, int32_t number, bool local_only) {
      if (ip.v6 || number <= 0 || number > 65'535) return;
      auto backends = choose(all, local_only, here);
      // Others may stand behind it elsewhere: whoever balances over machines must try those.
      bool silent = backends.empty() && local_only && !choose(all, false, here).empty();
      out[{ip, protocol, static_cast<uint16_t>(number)}] = {
          std::move(backends), sticky, silent, {}};
    };
    bool inner_local = spec.internal_traffic_policy() == "Local";
    bool outer_local = spec.external_traffic_policy() == "Local";
    auto ips = std::vector<std::string>(spec.cluster_ips().begin(), spec.cluster_ips().end());
    if (ips.empty()) ips.push_back(spec.cluster_ip());
    for (auto& text : ips)
      if (auto ip = address::parse(text)) open(*ip, port.port(), inner_local);
    for (auto& text : spec.external_ips())
      if (auto ip = address::parse(text)) open(*ip, port.port(), outer_local);
    for (auto& ip : here.addresses) open(ip, port.node_port(), outer_local);
    for (auto& i : service.status().load_balancer().ingress())
      if (auto ip = address::parse(i.ip())) {
        open(*ip, port.port(), outer_local);
        if (auto at = out.find({*ip, protocol, static_cast<uint16_t>(port.port())});
            at != out.end())
          at->second.allowed = allowed;
      }
  }
  return out;
}

doors doors_of(const k8s::core::v1::Pod& pod, const standpoint& here) {
  doors out;
  auto ip = address::parse(pod.status().pod_ip());
  bool over = schema::is_over(pod.status().phase());
  if (!ip || ip->v6 || over || pod.spec().host_network() || pod.spec().node_name() != here.node)
    return out;
  auto open = [&](auto& containers) {
    for (auto& c : containers)
      for (auto& p : c.ports()) {
        auto protocol = protocol_number(p.protocol());
        if (p.host_port() <= 0 || p.host_port() > 65'535 || protocol == 0) continue;
        auto only = address::parse(p.host_ip());
        auto at = only && !only->unspecified() ? std::vector{*only} : here.addresses;
        for (auto& own : at)
          out[{own, protocol, static_cast<uint16_t>(p.host_port())}] = {
              {{*ip, static_cast<uint16_t>(p.container_port())}}, 0, false, {}};
      }
  };
  open(pod.spec().containers());
  open(pod.spec().init_containers());
  return out;
}

} // namespace troupe::network_of_pods
