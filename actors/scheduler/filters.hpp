// Whether a node can take a pod, and if not, why not, in the words that users of Kubernetes know.
// Pure.
#pragma once

#include "actors/scheduler/topology.hpp"
#include "actors/scheduler/volume_limits.hpp"

namespace troupe::scheduler {

/// What may stand in the way, in the order in which it is looked at.
enum class filter : uint8_t {
  none,
  unschedulable,
  node_name,
  taints,
  wishes,
  ports,
  resources,
  volumes,
  volume_rivals,
  volume_limits,
  spread,
  neighbours,
};

/// A set of filters as bits.
using filter_set = uint32_t;
constexpr filter_set bit(filter f) { return 1u << static_cast<unsigned>(f); }

struct fault {
  filter what = filter::none;
  bool final = false; ///< taking other pods away would not help
  std::vector<std::string> reasons;

  explicit operator bool() const { return what != filter::none; }
};

/// What does not depend on the pods that are on the node.
filter fixed_fault(const node_table& table, const shape& form, node_index n);
/// Whether the pod's needs and ports are free, as far as more important pods leave room.
bool has_room(const node_table& table, const shape& form, node_index n);
/// What a pod is tied to besides its node: whether volumes reach it there, and whether the domains
/// of the node suit the pod's rules about other pods, and theirs about it.
struct pod_relations {
  const node_table& table;
  const topology& counts;
  const volume_book& volumes;
  const scheduler::volume_limits& limits;
  const pod_rules& rules;
  foreign_rules foreign;
  /// By required spread rule: whether the pod counts itself, and the smallest count.
  struct spread_state {
    int32_t self;
    int32_t least;
  };
  std::vector<spread_state> spread;
  bool first_of_its_kind = false; ///< nobody it wants to be with exists, but itself

  volume_wish wish;
  bool rivalled = false; ///< somebody on a node has what only one pod may have

  pod_relations(const node_table& table, const topology& counts, const volume_book& volumes,
                const scheduler::volume_limits& limits, const pod_rules& rules,
                const pod_facts& pod);
  bool empty() const { return rules.empty() && foreign.empty() && wish.empty(); }
  filter fault_at(node_index n) const;
  fault explain(node_index n) const;
  /// Whether one more would be too many for the required spread rule with this index.
  bool crowded(size_t i, node_index n) const;
};

/// All reasons of the first filter that refuses.
fault explain(const node_table& table, const resource_names& names, const pod_relations& relations,
              const pod_facts& pod, node_index n);

} // namespace troupe::scheduler
