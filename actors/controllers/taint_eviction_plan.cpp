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
    // Of several tolerations of one taint the most impatient counts.
    std::optional<int64_t> leave = since;
    bool tolerated = false;
    for (auto& x : pod.spec().tolerations()) {
      if (!scheduler::toleration(x).covers(taint)) continue;
      std::optional<int64_t> limit;
      if (x.has_toleration_seconds()) limit = since + std::max<int64_t>(0, x.toleration_seconds());
      leave = !tolerated ? limit : !leave ? limit : limit ? std::min(leave, limit) : leave;
      tolerated = true;
    }
    if (leave) earliest = earliest ? std::min(*earliest, *leave) : *leave;
  }
  return earliest;
}

} // namespace troupe::controllers
