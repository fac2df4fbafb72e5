// What must hold whatever happens, held against every single transaction. A rule that is broken
// throws, and says which and where. What controllers cannot have heard of yet, because it has only
// just happened or because they were away, is not held against them.
#pragma once

#include "messages/base/time.hpp"
#include "storage/snapshot.hpp"
#include "test/sim/company/cron_rules.hpp"
#include "test/sim/company/preemption_rules.hpp"
#include "test/sim/company/scene.hpp"
#include "test/sim/company/volume_rules.hpp"

#include <functional>
#include <optional>
#include <stdexcept>

namespace troupe::sim {

/// A rule was broken.
struct broken_rule : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class rules {
public:
  rules(std::function<nanoseconds()> clock, std::function<timestamp()> wall)
      : clock_{std::move(clock)}, wall_{std::move(wall)} {}

  /// One transaction, before anything else happens.
  void hear(const std::vector<storage::event_ptr>& events);

  /// The user makes this pod go: no controller has to answer for it.
  void excuse(const std::string& uid) { excused_.insert(uid); }
  void blame(const std::string& uid) { excused_.erase(uid); }
  /// An eviction was granted to the pod that was there like this.
  void granted(const pod_shape& pod);
  /// For this time somebody hears and does nothing.
  void blind(nanoseconds away);

  const scene& there() const { return scene_; }
  volume_rules& volumes() { return volumes_; }
  const preemption_rules& preemption() const { return preemption_; }
  uint64_t checked = 0;

private:
  struct loss {
    nanoseconds when;
    pod_shape pod;
    bool by_controller;
  };

  void pod_changed(const pod_shape* was, const pod_shape* is);
  void pod_made(const pod_shape& p);
  void pod_bound(const pod_shape& p);
  void pod_sent_away(const pod_shape& p);
  void stateful_pod_sent_away(const stateful_shape& s, const pod_shape& p);
  void stateful_moved_on(const stateful_shape& s, const std::string& from);
  void set_resized(const set_shape& s, int before);
  bool recreates(const deployment_shape& d) const;
  /// It goes by the user's will, or because its namespace or node does.
  bool excused(const pod_shape& p) const;
  /// How many pods that `which` chooses stopped being of use a moment ago.
  int lost_lately(bool by_controllers_too,
                  const std::function<bool(const pod_shape&)>& which) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::function<nanoseconds()> clock_;
  std::function<timestamp()> wall_;
  timestamp latest_wall_; ///< that was ever shown: quotas were counted by it
  scene scene_;
  cron_rules crons_;
  volume_rules volumes_;
  preemption_rules preemption_;
  std::set<std::string> excused_, granted_; ///< uids
  std::deque<loss> lost_;
  nanoseconds blind_since_{0}, blind_until_{-1};
};

/// How many pods a budget wants to be healthy, by the least wish of the last moment.
int healthy_wanted(const k8s::policy::v1::PodDisruptionBudget& b, const scene& there,
                   nanoseconds now);
bool covers(const k8s::policy::v1::PodDisruptionBudget& b, const pod_shape& p);

/// The end, when everybody has had time: everything is as the specs ask, nobody is left over.
/// Throws broken_rule.
void check_settled(const scene& there, const storage::snapshot& now);
/// What users see of it in the end, in words without chance names: the same for every history of
/// the same wishes.
std::string summary(const scene& there, const storage::snapshot& now);

} // namespace troupe::sim
