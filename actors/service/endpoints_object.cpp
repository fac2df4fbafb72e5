#include "actors/service/endpoints_object.hpp"

#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <map>

namespace troupe::service {

namespace {

using namespace k8s::core::v1;

constexpr const char* over_capacity = "endpoints.kubernetes.io/over-capacity";

EndpointAddress address_of(const Service& service, const backend& pod) {
  static const zone_lookup no_zones = [](const std::string&) { return std::string{}; };
  auto e = endpoint_of(service, pod, families_of(service).front(), no_zones);
  EndpointAddress out;
  if (!e.addresses().empty()) out.set_ip(e.addresses(0));
  *out.mutable_target_ref() = e.target_ref();
  if (e.has_node_name()) out.set_node_name(e.node_name());
  if (e.has_hostname()) out.set_hostname(e.hostname());
  return out;
}

} // namespace

bool bring_endpoints(Endpoints& object, const Service& service,
                     const std::vector<const backend*>& pods) {
  auto before = codec::to_wire(object);
  std::map<std::string, EndpointSubset> subsets; // by ports
  bool anyway = service.spec().publish_not_ready_addresses();
  // Ready ones come first when there are too many, then by address.
  std::vector<std::pair<const backend*, EndpointAddress>> all;
  for (auto pod : pods) {
    if (pod->over || (pod->going && !anyway)) continue;
    auto a = address_of(service, *pod);
    if (!a.ip().empty()) all.emplace_back(pod, std::move(a));
  }
  std::sort(all.begin(), all.end(), [&](auto& a, auto& b) {
    auto left = a.first->ready || anyway, right = b.first->ready || anyway;
    if (left != right) return left;
    return a.second.ip() != b.second.ip() ? a.second.ip() < b.second.ip()
                                          : a.first->uid < b.first->uid;
  });
  bool cut = all.size() > endpoints_addresses_max;
  if (cut) all.resize(endpoints_addresses_max);
  for (auto& [pod, address] : all) {
    std::string text;
    auto ports = ports_at(service, *pod);
    if (ports.empty() && !service.spec().ports().empty()) continue;
    for (auto& p : ports) text += codec::to_wire(p) + "|";
    auto [hit, fresh] = subsets.try_emplace(text);
    if (fresh)
      for (auto& p : ports) {
        auto& out = *hit->second.add_ports();
        if (!p.name().empty()) out.set_name(p.name());
        out.set_port(p.port());
        out.set_protocol(p.protocol());
        if (p.has_app_protocol()) out.set_app_protocol(p.app_protocol());
      }
    *(pod->ready || anyway ? hit->second.add_addresses() : hit->second.add_not_ready_addresses()) =
        std::move(address);
  }
  object.clear_subsets();
  for (auto& [ports, s] : subsets) *object.add_subsets() = std::move(s);
  auto& m = *object.mutable_metadata();
  m.set_name(service.metadata().name());
  m.set_namespace_(service.metadata().namespace_());
  *m.mutable_labels() = service.metadata().labels();
  (*m.mutable_labels())["endpoints.kubernetes.io/managed-by"] = "endpoint-controller";
  if (headless(service)) (*m.mutable_labels())["service.kubernetes.io/headless"] = "";
  if (cut)
    (*m.mutable_annotations())[over_capacity] = "truncated";
  else
    m.mutable_annotations()->erase(over_capacity);
  return codec::to_wire(object) != before;
}

std::vector<endpoint_group> mirrored(const Endpoints& object) {
  std::vector<endpoint_group> out;
  for (auto& subset : object.subsets())
    for (auto family : {"IPv4", "IPv6"}) {
      endpoint_group g{family, {}, {}};
      for (auto& p : subset.ports()) {
        auto& port = g.ports.emplace_back();
        port.set_name(p.name());
        port.set_port(p.port());
        port.set_protocol(p.protocol());
        if (p.has_app_protocol()) port.set_app_protocol(p.app_protocol());
      }
      auto add = [&](const EndpointAddress& a, bool ready) {
        if ((a.ip().find(':') == a.ip().npos) != (std::string_view(family) == "IPv4")) return;
        if (g.endpoints.size() >= endpoints_addresses_max) return;
        auto& e = g.endpoints.emplace_back();
        e.add_addresses(a.ip());
        e.mutable_conditions()->set_ready(ready);
        if (a.has_target_ref()) *e.mutable_target_ref() = a.target_ref();
        if (!a.hostname().empty()) e.set_hostname(a.hostname());
        if (a.has_node_name()) e.set_node_name(a.node_name());
      };
      for (auto& a : subset.addresses()) add(a, true);
      for (auto& a : subset.not_ready_addresses()) add(a, false);
      if (!g.endpoints.empty()) out.push_back(std::move(g));
    }
  return out;
}

} // namespace troupe::service
