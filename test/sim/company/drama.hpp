// One history from one seed: a company, its users' wishes, and what befalls it meanwhile; in the
// end everything heals, settles, and stays quiet.
#pragma once

#include "test/sim/company/workload.hpp"

namespace troupe::sim {

/// Mistakes made on purpose, by changing what a controller commits: each must be caught.
enum class company_bug : uint8_t {
  none,
  unbounded_rollout,  ///< old versions go all at once
  surplus_replicas,   ///< a set that grows grows twice
  bind_anywhere,      ///< pods go to one node, whatever it has room for
  forget_terminating, ///< pods that are going take no room
  free_evictions,     ///< evictions are not charged to budgets
  free_quota,         ///< what is used is not charged
  keep_orphans,       ///< nobody collects what is left over
  blind_slices,       ///< endpoints are made once and never changed
  preempt_anybody,    ///< pods are sent away although nobody important waits
  shared_volume,      ///< claims are bound to one volume, whoever has it
  overlapping_runs,   ///< runs of cron jobs are not replaced, but joined
  bold_partition,     ///< the version below a partition is forgotten
  deaf_to_budgets,    ///< the scheduler does not hear what budgets allow
  stray_pods,         ///< pods go where their volumes are not
  leaked_volumes,     ///< volumes whose claims are gone stay
  hoarded_claims,     ///< claims of stateful sets that shrink stay, against their wish
  lost_claims,        ///< claims of stateful sets that shrink go, against their wish
};

struct drama_settings {
  uint64_t seed = 1;
  company_bug bug = company_bug::none;
  bool trace = false;
  bool faults = true; ///< machines, leaders, clocks
  unsigned kills = 0; ///< of single actors, spread over the time; besides those of `faults`
  std::chrono::seconds time{60};
};

struct history {
  std::string summary;
  uint64_t digest = 0, turns = 0, commits = 0, kills = 0;
  uint64_t budgets_broken = 0; ///< by preemption, where nothing else was possible
};

/// Throws broken_rule.
history play(const drama_settings& settings);

} // namespace troupe::sim
