// Decides which less important pods have to go so that a pod finds a place: as few as possible, as
// unimportant as possible, and none that a disruption budget protects if there is another way.
// Pure.
#pragma once

#include "actors/scheduler/placer.hpp"

#include <optional>

namespace troupe::scheduler {

/// How many pods of a kind may still be disturbed.
struct disruption_budget {
  std::string ns;
  label_selector pods;
  int allowed = 0;
  std::unordered_set<std::string> disturbed; ///< names of pods that have been counted already
};

struct preemption {
  node_index where = no_node;
  std::vector<pod_ptr> victims;
};

class preemptor {
public:
  preemptor(node_table& table, placer& places) : table_{table}, places_{places} {}

  void put_budget(std::string_view key, disruption_budget budget);
  void erase_budget(std::string_view key);

  /// Whether the pod may send others away now; if not, says so in `why`: it never may, or it waits
  /// for those who are going for it already.
  bool eligible(const pod_facts& pod, verdict& why) const;
  /// The best way to make room for the pod, for which `why` found none; if there is no way, says so
  /// in `why`. The table is as before afterwards.
  std::optional<preemption> plan(const pod_facts& pod, verdict& why);

private:
  struct candidate {
    preemption way;
    int budgets_broken = 0;
    int32_t highest = 0;      ///< priority of the most important victim
    int64_t sum = 0;          ///< of priorities, each made positive
    int64_t latest_start = 0; ///< when the first of the most important ones started
  };
  std::optional<candidate> try_node(const pod_facts& pod, node_index n, verdict& why);
  static bool better(const candidate& a, const candidate& b);
  std::vector<bool> protected_by_budget(const std::vector<pod_ptr>& victims) const;

  node_table& table_;
  placer& places_;
  std::map<std::string, disruption_budget, std::less<>> budgets_;
};

} // namespace troupe::scheduler
