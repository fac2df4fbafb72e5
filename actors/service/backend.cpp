#include "actors/service/backend.hpp"

#include "messages/api/pod.pb.h"
#include "messages/codec/stored_parts.hpp"
#include "messages/schema/pod_phase.hpp"
#include "storage/labels.hpp"

#include <algorithm>

namespace troupe::service {

namespace {

using namespace k8s::core::v1;
using k8s::discovery::v1::Endpoint;
namespace wire = codec::wire;

bool of_family(const std::string& ip, const std::string& family) {
  return (ip.find(':') == ip.npos) == (family == "IPv4");
}

/// What a container offers by name.
void read_ports(std::string_view container, std::vector<backend::named_port>& out) {
  wire::reader in(container);
  while (in.next()) {
    if (in.number != Container::kPortsFieldNumber) continue;
    backend::named_port port{{}, "TCP", 0};
    wire::reader field(in.data);
    while (field.next()) {
      if (field.number == ContainerPort::kNameFieldNumber) port.name = field.data;
      if (field.number == ContainerPort::kContainerPortFieldNumber)
        port.number = static_cast<int32_t>(field.value);
      if (field.number == ContainerPort::kProtocolFieldNumber && !field.data.empty())
        port.protocol = field.data;
    }
    if (!port.name.empty()) out.push_back(std::move(port));
  }
}

bool is_sidecar(std::string_view container) {
  return codec::part_of(container, Container::kRestartPolicyFieldNumber) == "Always";
}

void read_spec(std::string_view spec, backend& out) {
  std::vector<std::string_view> sidecars;
  wire::reader in(spec);
  while (in.next()) {
    if (in.number == PodSpec::kNodeNameFieldNumber) out.node = in.data;
    if (in.number == PodSpec::kHostnameFieldNumber) out.hostname = in.data;
    if (in.number == PodSpec::kSubdomainFieldNumber) out.subdomain = in.data;
    if (in.number == PodSpec::kContainersFieldNumber) read_ports(in.data, out.ports);
    if (in.number == PodSpec::kInitContainersFieldNumber && is_sidecar(in.data))
      sidecars.push_back(in.data);
  }
  for (auto s : sidecars) read_ports(s, out.ports);
}

void read_status(std::string_view status, backend& out) {
  std::string_view phase, ip;
  wire::reader in(status);
  while (in.next()) {
    if (in.number == PodStatus::kPhaseFieldNumber) phase = in.data;
    if (in.number == PodStatus::kPodIpFieldNumber) ip = in.data;
    if (in.number == PodStatus::kPodIpsFieldNumber)
      out.ips.emplace_back(codec::part_of(in.data, PodIP::kIpFieldNumber));
    if (in.number == PodStatus::kConditionsFieldNumber &&
        codec::part_of(in.data, PodCondition::kTypeFieldNumber) == "Ready")
      out.ready = codec::part_of(in.data, PodCondition::kStatusFieldNumber) == "True";
  }
  if (out.ips.empty() && !ip.empty()) out.ips.emplace_back(ip);
  out.over = out.ips.empty() || schema::is_over(phase);
}

} // namespace

backend backend::of(storage::entry_ptr entry) {
  backend b;
  wire::reader in(entry->value());
  std::string_view metadata, spec, status;
  while (in.next()) {
    if (in.number == Pod::kMetadataFieldNumber) metadata = in.data;
    if (in.number == Pod::kSpecFieldNumber) spec = in.data;
    if (in.number == Pod::kStatusFieldNumber) status = in.data;
  }
  b.uid = codec::part_of(metadata, codec::meta_number::uid);
  b.going = codec::has_part(metadata, codec::meta_number::deletion);
  read_spec(spec, b);
  read_status(status, b);
  b.entry = std::move(entry);
  return b;
}

std::string_view backend::name() const {
  auto key = entry->key();
  return key.substr(key.rfind('/') + 1);
}

bool backend::same(const backend& other) const {
  return uid == other.uid && node == other.node && hostname == other.hostname &&
         subdomain == other.subdomain && ips == other.ips && ready == other.ready &&
         going == other.going && over == other.over && ports == other.ports &&
         storage::same_labels(*entry, *other.entry);
}

std::vector<k8s::discovery::v1::EndpointPort> ports_at(const Service& service, const backend& pod) {
  std::vector<k8s::discovery::v1::EndpointPort> out;
  for (auto& p : service.spec().ports()) {
    auto protocol = p.protocol().empty() ? "TCP" : p.protocol();
    int32_t number = p.port();
    if (p.has_target_port()) {
      auto& target = p.target_port();
      if (target.type() == 0) {
        if (target.int_val() != 0) number = target.int_val();
      } else {
        auto hit = std::find_if(pod.ports.begin(), pod.ports.end(), [&](auto& n) {
          return n.name == target.str_val() && n.protocol == protocol;
        });
        if (hit == pod.ports.end()) continue;
        number = hit->number;
      }
    }
    auto& port = out.emplace_back();
    port.set_name(p.name());
    port.set_protocol(protocol);
    port.set_port(number);
    if (p.has_app_protocol()) port.set_app_protocol(p.app_protocol());
  }
  return out;
}

Endpoint endpoint_of(const Service& service, const backend& pod, const std::string& family,
                     const zone_lookup& zones) {
  Endpoint out;
  for (auto& ip : pod.ips)
    if (of_family(ip, family)) {
      out.add_addresses(ip);
      break;
    }
  auto& c = *out.mutable_conditions();
  c.set_ready(takes_traffic(service, pod));
  c.set_serving(pod.ready);
  c.set_terminating(pod.going);
  auto& target = *out.mutable_target_ref();
  target.set_kind("Pod");
  target.set_namespace_(service.metadata().namespace_());
  target.set_name(std::string(pod.name()));
  target.set_uid(pod.uid);
  if (!pod.node.empty()) {
    out.set_node_name(pod.node);
    if (auto zone = zones(pod.node); !zone.empty()) out.set_zone(zone);
  }
  if (!pod.hostname.empty() && pod.subdomain == service.metadata().name())
    out.set_hostname(pod.hostname);
  return out;
}

bool takes_traffic(const Service& service, const backend& pod) {
  return service.spec().publish_not_ready_addresses() || (pod.ready && !pod.going);
}

std::vector<std::string> families_of(const Service& service) {
  auto& said = service.spec().ip_families();
  if (said.empty()) return {"IPv4"};
  return {said.begin(), said.end()};
}

bool headless(const Service& service) { return service.spec().cluster_ip() == "None"; }

} // namespace troupe::service
