// Who may be sent away for whom: only for somebody more important, and nobody whom a disruption
// budget protects while another machine could be had without breaking one. Held against every
// single transaction.
#pragma once

#include "test/sim/company/scene.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

class preemption_rules {
public:
  /// How many pods that `which` chooses, and that were well, stopped being so a moment ago.
  using losses = std::function<int(const std::function<bool(const pod_shape&)>& which)>;

  /// One transaction, which `there` shows already. `sure`: nobody was away lately who counts what
  /// budgets allow. Throws broken_rule.
  void hear(const std::vector<storage::event_ptr>& events, const scene& there, nanoseconds now,
            const losses& lost, bool sure);

  uint64_t budgets_broken = 0; ///< because there was no other way

private:
  struct way {
    std::vector<const pod_shape*> victims;
    const pod_shape* preemptor = nullptr;
    bool shared = false; ///< by several preemptors
  };

  void pod_changed(const pod_shape& is, nanoseconds now);
  void check_budgets(const std::string& node, const way& chosen, const scene& there,
                     nanoseconds now, const losses& lost);
  bool is_free_way(const node_shape& node, const pod_shape& preemptor, const scene& there,
                   nanoseconds now) const;

  std::set<std::string> preempted_; ///< uids
  /// When a pod of this priority that may send others away last waited for a node.
  std::map<int, nanoseconds> waiting_;
  std::map<std::string, nanoseconds> moved_; ///< when a pod last came, went or was meant for a node
};

} // namespace troupe::sim
