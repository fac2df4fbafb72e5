// Topology hints: from which zones and nodes an endpoint is to be used.
#include "actors/service/slices_plan.hpp"

#include <algorithm>
#include <map>

namespace troupe::service {

namespace {

bool ready(const Endpoint& e) { return e.conditions().ready(); }

/// Whether the older annotation asks for it.
bool topology_aware(const k8s::core::v1::Service& service) {
  for (auto key :
       {"service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"}) {
    auto& all = service.metadata().annotations();
    if (auto hit = all.find(key); hit != all.end())
      return hit->second == "Auto" || hit->second == "auto";
  }
  return false;
}

} // namespace

void give_hints(const k8s::core::v1::Service& service, std::vector<Endpoint>& endpoints) {
  auto& asked = service.spec().traffic_distribution();
  bool by_zone = asked == "PreferClose" || asked == "PreferSameZone" || asked == "PreferSameNode";
  bool by_node = asked == "PreferSameNode";
  bool aware = topology_aware(service);
  if (!by_zone && !aware) return;
  std::map<std::string, size_t> zones;
  for (auto& e : endpoints) {
    if (!ready(e)) continue;
    if (e.zone().empty()) return; // some would get no traffic
    ++zones[e.zone()];
  }
  // Hints by topology mode hold only where every zone can bear its own traffic: several zones with
  // about the same number of endpoints.
  if (!by_zone) {
    constexpr size_t overload_in = 2; // a zone with less than half of its share would be overloaded
    if (zones.size() < 2) return;
    auto fewest = std::min_element(zones.begin(), zones.end(), [](auto& a, auto& b) {
                    return a.second < b.second;
                  })->second;
    size_t all = 0;
    for (auto& [zone, count] : zones) all += count;
    if (fewest * zones.size() * overload_in < all) return;
  }
  for (auto& e : endpoints) {
    if (!ready(e)) continue;
    e.mutable_hints()->add_for_zones()->set_name(e.zone());
    if (by_node && !e.node_name().empty())
      e.mutable_hints()->add_for_nodes()->set_name(e.node_name());
  }
}

} // namespace troupe::service
