// Finds the place of a pod. What pods of one shape have in common is kept and brought up to date
// with the rows that changed since, so that the next pod of the shape costs next to nothing. Pure:
// the same events and the same seed give the same decisions.
#pragma once

#include "actors/scheduler/filters.hpp"
#include "actors/scheduler/profile.hpp"

#include <optional>

namespace troupe::scheduler {

/// Why no node takes a pod: how many nodes said what.
struct verdict {
  size_t nodes = 0;
  std::map<std::string, size_t> reasons;
  filter_set filters = 0;
  std::vector<node_index> open; ///< where taking other pods away might help
  std::string instead;          ///< what stands in the way on all nodes alike, if so
  std::string preemption;

  /// "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: ..."
  std::string message() const;
};

class placer {
public:
  placer(node_table& table, topology& counts, const volume_book& volumes,
         const volume_limits& limits, const resource_names& names, uint64_t seed);

  void use(profiles given) {
    profiles_ = std::move(given);
    classes_.clear();
  }
  bool knows(std::string_view scheduler) const { return profiles_.contains(scheduler); }

  /// The best node for the pod, or no_node. Does not put it there.
  node_index place(const pod_facts& pod);
  /// Whether this node would take the pod as things are.
  bool fits(const pod_facts& pod, node_index n);
  fault fault_at(const pod_facts& pod, node_index n);
  verdict explain(const pod_facts& pod);

private:
  /// What pods of one shape have in common. Scores below 0: the node cannot take such a pod.
  struct shape_class {
    shape_ptr form;
    const profile* weights;
    std::vector<float> fixed;        ///< by row: the part that only the node decides
    std::vector<float> score;        ///< by row
    std::vector<node_index> winners; ///< a tree of rows, the best of two on top of each pair
    size_t leaves = 0;
    int preference_max = 0;
    int advised_max = 0;
    uint64_t seen = 0; ///< changes of the table
    uint64_t asked = 0;
    pod_rules rules;
    uint64_t rules_generation = 0;
  };

  shape_class& class_of(const pod_facts& pod);
  pod_relations relations_of(const shape_class& c, const pod_facts& pod) const {
    return {table_, counts_, volumes_, limits_, c.rules, pod};
  }
  void rebuild(shape_class& c);
  void catch_up(shape_class& c);
  void set_fixed(shape_class& c, node_index n);
  float score(const shape_class& c, node_index n) const;
  void play(shape_class& c, size_t slot) const;
  node_index better(const shape_class& c, node_index a, node_index b) const;
  bool beats(float a_score, node_index a, float b_score, node_index b) const;
  node_index scan(const shape_class& c, const pod_relations& relations, const pod_facts& pod);
  uint64_t rank(node_index n) const;

  node_table& table_;
  topology& counts_;
  const volume_book& volumes_;
  const volume_limits& limits_;
  const resource_names& names_;
  const uint64_t seed_;
  profiles profiles_;
  std::unordered_map<const shape*, shape_class> classes_;
  uint64_t clock_ = 0;
  std::vector<uint64_t> ranks_;
  // Room to work in, kept between decisions.
  std::vector<node_index> open_;
  std::vector<float> open_spread_, open_pull_;
};

} // namespace troupe::scheduler
