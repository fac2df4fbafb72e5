#include "actors/controllers/node_lifecycle_plan.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

using namespace k8s::core::v1;

constexpr const char* not_ready = "node.kubernetes.io/not-ready";
constexpr const char* unreachable = "node.kubernetes.io/unreachable";
constexpr const char* unschedulable = "node.kubernetes.io/unschedulable";

struct pressure {
  const char* condition;
  const char* taint;
};
constexpr pressure pressures[] = {
    {"MemoryPressure", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "node.kubernetes.io/disk-pressure"},
    {"PIDPressure", "node.kubernetes.io/pid-pressure"},
    {"NetworkUnavailable", "node.kubernetes.io/network-unavailable"},
};

std::string status_of(const Node& node, const char* type) {
  for (auto& c : node.status().conditions())
    if (c.type() == type) return c.status();
  return {};
}

/// Taints that come and go with the node's state.
bool of_state(const Taint& t) {
  if (t.key() == not_ready || t.key() == unreachable)
    return t.effect() == "NoSchedule" || t.effect() == "NoExecute";
  if (t.effect() != "NoSchedule") return false;
  return t.key() == unschedulable || std::any_of(std::begin(pressures), std::end(pressures),
                                                 [&](auto& p) { return t.key() == p.taint; });
}

} // namespace

node_health health_of(const Node& node) {
  auto status = status_of(node, "Ready");
  return status == "True"    ? node_health::ready
         : status == "False" ? node_health::not_ready
                             : node_health::unknown;
}

std::string zone_of(const Node& node) {
  auto label = [&](const char* key) {
    auto hit = node.metadata().labels().find(key);
    return hit == node.metadata().labels().end() ? std::string{} : hit->second;
  };
  auto region = label("topology.kubernetes.io/region"), zone = label("topology.kubernetes.io/zone");
  return region.empty() && zone.empty() ? "" : region + "/" + zone;
}

bool wants_emptying(const Node& node) { return health_of(node) != node_health::ready; }

bool being_emptied(const Node& node) {
  auto& all = node.spec().taints();
  return std::any_of(all.begin(), all.end(),
                     [](auto& t) { return of_state(t) && t.effect() == "NoExecute"; });
}

std::vector<Taint> plan_taints(const Node& node, emptying pods, timestamp now) {
  std::vector<Taint> out, before;
  for (auto& t : node.spec().taints()) (of_state(t) ? before : out).push_back(t);
  auto add = [&](const char* key, const char* effect) {
    auto hit = std::find_if(before.begin(), before.end(),
                            [&](auto& t) { return t.key() == key && t.effect() == effect; });
    if (hit != before.end()) return out.push_back(*hit);
    Taint t;
    t.set_key(key);
    t.set_effect(effect);
    t.mutable_time_added()->set_seconds(now.seconds);
    out.push_back(std::move(t));
  };
  auto health = health_of(node);
  // A node that nobody has ever heard of is not ready rather than lost.
  bool heard_of = !status_of(node, "Ready").empty();
  auto cause = health == node_health::unknown && heard_of ? unreachable : not_ready;
  if (health != node_health::ready) add(cause, "NoSchedule");
  for (auto& p : pressures)
    if (status_of(node, p.condition) == "True") add(p.taint, "NoSchedule");
  if (node.spec().unschedulable()) add(unschedulable, "NoSchedule");
  if (health == node_health::ready) return out;
  // Once begun, only getting well ends it, or that nothing is.
  if (pods == emptying::begin || (pods == emptying::wait && being_emptied(node)))
    add(cause, "NoExecute");
  return out;
}

// -- zone_pace
// --------------------------------------------------------------------------------------

void zone_pace::count(const std::string& zone, bool healthy, int sign) {
  auto& z = zones_[zone];
  (healthy ? z.healthy : z.unhealthy) += static_cast<size_t>(sign);
  if (z.healthy + z.unhealthy == 0) zones_.erase(zone);
}

void zone_pace::put(const std::string& node, const std::string& zone, bool healthy) {
  auto hit = nodes_.find(node);
  if (hit != nodes_.end() && hit->second == std::pair{zone, healthy}) return;
  count(zone, healthy, 1);
  if (hit != nodes_.end()) count(hit->second.first, hit->second.second, -1);
  nodes_[node] = {zone, healthy};
}

void zone_pace::erase(const std::string& node) {
  auto hit = nodes_.find(node);
  if (hit == nodes_.end()) return;
  count(hit->second.first, hit->second.second, -1);
  nodes_.erase(hit);
}

bool zone_pace::everything_fails() const {
  return !zones_.empty() &&
         std::all_of(zones_.begin(), zones_.end(), [](auto& z) { return z.second.healthy == 0; });
}

double zone_pace::rate(const std::string& zone) const {
  auto hit = zones_.find(zone);
  if (hit == zones_.end()) return given_.nodes_per_second;
  auto& z = hit->second;
  auto all = z.healthy + z.unhealthy;
  // Everything is down: more likely it is us who see nothing. With several zones, one that is down
  // altogether is emptied as usual.
  if (everything_fails()) return 0;
  if (z.healthy == 0) return given_.nodes_per_second;
  if (z.unhealthy > 2 &&
      static_cast<double>(z.unhealthy) >= given_.unhealthy_share * static_cast<double>(all))
    return all > given_.large_zone ? given_.slow_nodes_per_second : 0;
  return given_.nodes_per_second;
}

zone_pace::answer zone_pace::ask(const std::string& zone, timestamp now) {
  constexpr double look_again_seconds = 10; // while nothing may be emptied
  auto r = rate(zone);
  if (r <= 0) return {false, look_again_seconds};
  auto& z = zones_[zone];
  if (z.last) {
    auto passed = static_cast<double>(now.seconds - z.last->seconds) +
                  static_cast<double>(now.nanos - z.last->nanos) / 1e9;
    if (passed >= 0 && passed < 1 / r) return {false, 1 / r - passed};
  }
  z.last = now;
  return {true, 0};
}

} // namespace troupe::controllers
