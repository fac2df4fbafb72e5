#include "actors/service/backend.hpp"

#include "actors/gateway/decoded.hpp"
#include "messages/api/pod.pb.h"
#include "storage/labels.hpp"

#include <algorithm>

namespace troupe::service {

namespace {

using namespace k8s::core::v1;
using k8s::discovery::v1::Endpoint;

bool of_family(const std::string& ip, const std::string& family) {
  return (ip.find(':') == ip.npos) == (family == "IPv4");
}

} // namespace

backend backend::of(storage::entry_ptr entry) {
  auto whole = gateway::decoded<Pod>(*entry);
  auto& pod = *whole;
  backend b;
  b.entry = std::move(entry);
  b.uid = pod.metadata().uid();
  b.node = pod.spec().node_name();
  b.hostname = pod.spec().hostname();
  b.subdomain = pod.spec().subdomain();
  for (auto& ip : pod.status().pod_ips()) b.ips.push_back(ip.ip());
  if (b.ips.empty() && !pod.status().pod_ip().empty()) b.ips.push_back(pod.status().pod_ip());
  for (auto& c : pod.status().conditions())
    if (c.type() == "Ready") b.ready = c.status() == "True";
  b.going = pod.metadata().has_deletion_timestamp();
  auto& phase = pod.status().phase();
  b.over = b.ips.empty() || phase == "Succeeded" || phase == "Failed";
  auto read = [&](const Container& c) {
    for (auto& p : c.ports())
      if (!p.name().empty())
        b.ports.push_back(
            {p.name(), p.protocol().empty() ? "TCP" : p.protocol(), p.container_port()});
  };
  for (auto& c : pod.spec().containers()) read(c);
  for (auto& c : pod.spec().init_containers())
    if (c.restart_policy() == "Always") read(c);
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
