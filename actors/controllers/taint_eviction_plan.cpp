#include "actors/controllers/taint_eviction_plan.hpp"

#include "actors/scheduler/node_match.hpp"

#include <algorithm>

namespace troupe::controllers {

std::optional<int64_t> leaves_at(const k8s::core::v1::Pod& pod, const k8s::core::v1::Node& node,
                                 timestamp now) {
  std::optional<int64_t> earliest;
  for (auto& t : node.spec().taints()) {
    if (t.effect() != "NoExecute") continue;
    scheduler::taint taint(t);
    auto since = t.has_time_added() ? t.time_added().seconds() : now.seconds;
    // Of several tolerations of one taint the first counts.
    auto& all = pod.spec().tolerations();
    auto hit = std::find_if(all.begin(), all.end(),
                            [&](auto& x) { return scheduler::toleration(x).covers(taint); });
    std::optional<int64_t> leave = since;
    if (hit != all.end() && !hit->has_toleration_seconds())
      leave.reset();
    else if (hit != all.end())
      leave = since + std::max<int64_t>(0, hit->toleration_seconds());
    if (leave) earliest = earliest ? std::min(*earliest, *leave) : *leave;
  }
  return earliest;
}

} // namespace troupe::controllers
