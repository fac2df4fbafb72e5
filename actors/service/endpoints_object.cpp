#include "actors/service/endpoints_object.hpp"

#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <map>

namespace troupe::service {

namespace {

using namespace k8s::core::v1;

constexpr const char* over_capacity = "endpoints.kubernetes.io/over-capacity";

/// An endpoint in the older words.
struct address {
  EndpointAddress is;
  bool ready;
  const EndpointSlice* in; ///< its ports
};

EndpointAddress address_of(const Endpoint& e) {
  EndpointAddress out;
  out.set_ip(e.addresses(0));
  *out.mutable_target_ref() = e.target_ref();
  if (e.has_node_name()) out.set_node_name(e.node_name());
  if (e.has_hostname()) out.set_hostname(e.hostname());
  return out;
}

/// Those of the service's first family that have its ports, ready ones first, then by address.
std::vector<address> addresses_of(const Service& service,
                                  const std::vector<EndpointSlice>& slices) {
  std::vector<address> out;
  bool anyway = service.spec().publish_not_ready_addresses();
  bool portless = service.spec().ports().empty();
  auto family = families_of(service).front();
  for (auto& slice : slices)
    for (auto& e : slice.endpoints())
      if (slice.address_type() == family && slice.ports().empty() == portless &&
          !e.addresses().empty() && (anyway || !e.conditions().terminating()))
        out.push_back({address_of(e), e.conditions().ready(), &slice});
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) {
    if (a.ready != b.ready) return a.ready;
    return a.is.ip() != b.is.ip() ? a.is.ip() < b.is.ip()
                                  : a.is.target_ref().uid() < b.is.target_ref().uid();
  });
  return out;
}

void add_ports(EndpointSubset& subset, const EndpointSlice& slice) {
  for (auto& p : slice.ports()) {
    auto& out = *subset.add_ports();
    if (!p.name().empty()) out.set_name(p.name());
    out.set_port(p.port());
    out.set_protocol(p.protocol());
    if (p.has_app_protocol()) out.set_app_protocol(p.app_protocol());
  }
}

} // namespace

bool bring_endpoints(Endpoints& object, const Service& service,
                     const std::vector<EndpointSlice>& slices) {
  auto before = codec::to_wire(object);
  auto all = addresses_of(service, slices);
  bool cut = all.size() > endpoints_addresses_max;
  if (cut) all.resize(endpoints_addresses_max);
  std::map<std::string, EndpointSubset> subsets; // by ports
  std::map<const EndpointSlice*, EndpointSubset*> subset_of;
  for (auto& a : all) {
    auto& subset = subset_of[a.in];
    if (!subset) {
      auto ports = group_of({}, {a.in->ports().begin(), a.in->ports().end()});
      auto [hit, fresh] = subsets.try_emplace(ports);
      subset = &hit->second;
      if (fresh) add_ports(*subset, *a.in);
    }
    *(a.ready ? subset->add_addresses() : subset->add_not_ready_addresses()) = std::move(a.is);
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
