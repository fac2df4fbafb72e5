#include "test/sim/company/preemption_rules.hpp"

#include "test/sim/company/rules.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

/// A scheduler may not have heard yet of what is newer.
constexpr std::chrono::milliseconds hearsay{500};

[[noreturn]] void fail(const std::string& what) { throw broken_rule{what}; }

bool is_well(const pod_shape& p) { return p.counts() && p.ready; }

/// Whether a budget covers the pod, well or not.
bool is_protected(const pod_shape& p, const scene& there) {
  return std::any_of(there.budgets.begin(), there.budgets.end(),
                     [&](auto& b) { return covers(b.second, p); });
}

} // namespace

void preemption_rules::hear(const std::vector<storage::event_ptr>& events, const scene& there,
                            nanoseconds now, const losses& lost, bool sure) {
  std::map<std::string, way> ways; // by node
  std::vector<std::string> touched;
  for (auto& e : events) {
    auto hit = there.pods.find(std::string(e->now->key()));
    if (hit == there.pods.end()) {
      if (e->now->key().starts_with("pods/")) {
        auto gone = shape_of_pod(*e->now);
        touched.push_back(gone.node);
        if (gone.preempted && preempted_.insert(gone.uid).second) sure = false;
      }
      continue;
    }
    auto& p = hit->second;
    bool sent_away = p.preempted && !preempted_.contains(p.uid);
    pod_changed(p, now);
    if (sent_away) ways[p.node].victims.push_back(&p);
    if (p.node.empty() && !p.nominated.empty()) {
      auto& chosen = ways[p.nominated];
      chosen.shared = chosen.preemptor != nullptr;
      chosen.preemptor = &p;
    }
    touched.push_back(p.node.empty() ? p.nominated : p.node);
  }
  if (sure)
    for (auto& [node, chosen] : ways)
      if (chosen.preemptor && !chosen.shared && !chosen.victims.empty())
        check_budgets(node, chosen, there, now, lost);
  for (auto& node : touched) moved_[node] = now;
}

/// Nobody is sent away for the sake of a pod that is not more important.
void preemption_rules::pod_changed(const pod_shape& is, nanoseconds now) {
  if (is.node.empty() && is.counts() && is.may_preempt) waiting_[is.priority] = now;
  if (!is.preempted || !preempted_.insert(is.uid).second) return;
  auto more_important = std::any_of(waiting_.upper_bound(is.priority), waiting_.end(),
                                    [&](auto& w) { return w.second + waiting_time_max >= now; });
  if (!more_important) fail(is.key + " was sent away for nobody who is more important");
}

void preemption_rules::check_budgets(const std::string& node, const way& chosen, const scene& there,
                                     nanoseconds now, const losses& lost) {
  auto& p = *chosen.preemptor;
  if (!p.claims.empty() || p.controller.kind == "DaemonSet") return; // it has one place only
  for (auto& [key, b] : there.budgets) {
    auto hit = [&](const pod_shape& p) { return covers(b, p); };
    auto taken = std::count_if(chosen.victims.begin(), chosen.victims.end(),
                               [&](auto p) { return p->ready && hit(*p); });
    if (taken == 0) continue;
    auto left = std::count_if(there.pods.begin(), there.pods.end(),
                              [&](auto& p) { return is_well(p.second) && hit(p.second); });
    auto lost_otherwise = lost(hit) - taken;
    if (left + lost_otherwise >= healthy_wanted(b, there, now)) continue;
    ++budgets_broken;
    for (auto& [_, other] : there.nodes)
      if (other.name != node && is_free_way(other, p, there, now))
        fail(chosen.victims.front()->key + " was sent away from " + node + " for " + p.key +
             " against " + key + ", although " + other.name +
             " could be had without breaking a budget");
  }
}

/// Whether the pod would find room there if all went whom it may send away and no budget covers.
bool preemption_rules::is_free_way(const node_shape& node, const pod_shape& preemptor,
                                   const scene& there, nanoseconds now) const {
  auto moved = moved_.find(node.name);
  if (!node.ready || node.closed || node.tainted || node.changed + hearsay >= now ||
      (moved != moved_.end() && moved->second + hearsay >= now))
    return false;
  int pods = 1, cpu = preemptor.cpu_milli, victims = 0;
  for (auto& [_, p] : there.pods) {
    if (p.over || (p.node.empty() ? p.nominated : p.node) != node.name) continue;
    if (!p.node.empty() && p.priority < preemptor.priority && !is_protected(p, there)) {
      ++victims;
      continue;
    }
    ++pods;
    cpu += p.cpu_milli;
  }
  return victims > 0 && pods <= node.pods_max && cpu <= node.cpu_milli;
}

} // namespace troupe::sim
