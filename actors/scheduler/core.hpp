// THE SCHEDULER without its actor: hears of pods, nodes and namespaces, keeps the table, the
// counters and the queue, and decides. Pure: no clock, no store; the same events, moments and seed
// give the same decisions.
#pragma once

#include "actors/scheduler/pod_queue.hpp"
#include "actors/scheduler/preemption.hpp"
#include "actors/scheduler/writes.hpp"

#include <array>

namespace troupe::scheduler {

class core {
public:
  explicit core(uint64_t seed);

  void use(profiles given) { placer_.use(std::move(given)); }

  // -- what happens. An entry is as it is now, or as it was when it was erased
  // ---------------------

  void hear_pod(const storage::entry_ptr& entry, bool gone);
  void hear_node(const storage::entry_ptr& entry, bool gone);
  void hear_namespace(const storage::entry_ptr& entry, bool gone);
  void hear_budget(const storage::entry_ptr& entry, bool gone);
  void hear_claim(const storage::entry_ptr& entry, bool gone) { volumes_.hear_claim(entry, gone); }
  void hear_volume(const storage::entry_ptr& entry, bool gone) {
    volumes_.hear_volume(entry, gone);
  }
  void hear_class(const storage::entry_ptr& entry, bool gone) { volumes_.hear_class(entry, gone); }
  /// A CSINode: what volumes a node can have.
  void hear_limits(const storage::entry_ptr& entry, bool gone) { limits_.hear_node(entry, gone); }
  /// Everything heard is void: all of it will be told again.
  void forget();

  // -- what follows -------------------------------------------------------------------------------

  /// Looks at up to `pods_max` pods. A pod that is bound takes its place at once, as if it were
  /// written already; the caller tells what became of it.
  std::vector<decision> decide(size_t pods_max, moment now);
  /// The decision could not be written: takes it back.
  void take_back(const decision& d, moment now);
  /// Whether there is nobody to look at right now.
  bool idle() const { return queue_.idle(); }
  /// When somebody is to be looked at again, if nothing happens before.
  std::optional<moment> wake(moment now) { return queue_.wake(now); }

  // -- what is known ------------------------------------------------------------------------------

  /// Why the pod waits; null if it does not.
  const verdict* why(std::string_view key) const;
  const node_table& table() const { return table_; }
  size_t waiting() const { return queue_.size(); }

private:
  node_index find_place(const pod_ptr& pod);
  void settle(const pod_ptr& pod, node_index n, std::vector<decision>& out, moment now);
  void forget_pod(const std::string& key);
  pod_ptr nominate(const pod_ptr& pod, const std::string& node);
  std::string make_room(const pod_ptr& pod, const preemption& way, std::vector<decision>& out);
  void give_up(const pod_ptr& pod, std::vector<decision>& out, moment now);
  const verdict& explain(const pod_facts& pod);
  void help(moment now);

  shape_book shapes_;
  node_table table_{shapes_.resources()};
  std::map<std::string, storage::entry_ptr, std::less<>> spaces_;
  topology counts_;
  volume_book volumes_;
  volume_limits limits_{table_, volumes_};
  placer placer_;
  preemptor preemptor_{table_, placer_};
  pod_queue queue_;
  std::unordered_set<std::string> assumed_; ///< in their places, not heard of yet
  std::unordered_map<std::string, verdict> verdicts_;
  /// Numbers that change whenever something happens that may help those who wait.
  using world_state = std::array<uint64_t, 4>;
  world_state world() const {
    return {table_.changes_end(), volumes_.version(), limits_.version(), counts_.generation()};
  }
  world_state helped_{};
  uint64_t volumes_seen_ = 0; ///< version of the volumes at the end of the last round
  /// The last pod that found no place: others like it find none either while nothing changes.
  struct {
    const shape* form = nullptr;
    std::string index;
    world_state world{};
    verdict why;
  } last_;
};

} // namespace troupe::scheduler
