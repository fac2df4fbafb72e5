// Topology hints: from which zones and nodes an endpoint is to be used.
#include "actors/service/slices_plan.hpp"

#include <algorithm>
#include <map>

namespace troupe::service {

namespace {

using k8s::core::v1::Service;

bool prefers_zone(const Service& service) {
  auto& asked = service.spec().traffic_distribution();
  return asked == "PreferClose" || asked == "PreferSameZone" || asked == "PreferSameNode";
}

/// Whether the older annotation asks for it.
bool topology_aware(const Service& service) {
  for (auto key :
       {"service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"}) {
    auto& all = service.metadata().annotations();
    if (auto hit = all.find(key); hit != all.end())
      return hit->second == "Auto" || hit->second == "auto";
  }
  return false;
}

} // namespace

bool asks_for_hints(const Service& service) {
  return prefers_zone(service) || topology_aware(service);
}

hint_rule hint_rule::of(const Service& service, const std::vector<const backend*>& pods,
                        const zone_lookup& zone_of) {
  if (!topology_aware(service))
    return {.by_zone = prefers_zone(service),
            .by_node = service.spec().traffic_distribution() == "PreferSameNode"};
  // Hints by topology mode hold only where every zone can bear its own traffic: several zones with
  // about the same number of endpoints.
  std::map<std::string, size_t> zones;
  size_t all = 0;
  for (auto pod : pods) {
    if (pod->over || !takes_traffic(service, *pod)) continue;
    auto zone = zone_of(pod->node);
    if (zone.empty()) return {}; // some would get no traffic
    ++zones[zone];
    ++all;
  }
  constexpr size_t overload_in = 2; // a zone with less than half of its share would be overloaded
  if (zones.size() < 2) return {};
  auto fewest = std::min_element(zones.begin(), zones.end(), [](auto& a, auto& b) {
                  return a.second < b.second;
                })->second;
  return {.by_zone = fewest * zones.size() * overload_in >= all, .by_node = false};
}

void hint_rule::give(Endpoint& e) const {
  if (!e.conditions().ready()) return;
  if (by_zone && !e.zone().empty()) e.mutable_hints()->add_for_zones()->set_name(e.zone());
  if (by_node && !e.node_name().empty())
    e.mutable_hints()->add_for_nodes()->set_name(e.node_name());
}

} // namespace troupe::service
