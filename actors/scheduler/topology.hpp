// Counts pods by topology domain (a zone, a host) for every rule that asks, and keeps the counts up
// to date as pods come and go: how many pods that a rule is about are in a domain, and which rules
// of pods that are already there concern a newcomer. Pure.
#pragma once

#include "actors/scheduler/node_table.hpp"

#include <map>

namespace troupe::scheduler {

using counter_id = uint32_t;

/// What a pod's rules about other pods come to in counters; holds until topology::generation()
/// changes.
struct pod_rules {
  struct spread {
    const spread_rule* rule;
    counter_id counter;
  };
  std::vector<spread> required_spread, wanted_spread;
  std::vector<counter_id> together;
  std::vector<counter_id> apart;
  std::vector<std::pair<counter_id, int>> preferred; ///< with weights

  bool empty() const {
    return required_spread.empty() && wanted_spread.empty() && together.empty() && apart.empty() &&
           preferred.empty();
  }
};

/// Rules of pods that are placed already, as far as they are about a newcomer.
struct foreign_rules {
  std::vector<counter_id> repelled; ///< keep out of domains with more than none
  std::vector<counter_id> pulled;   ///< sums of weights
  bool empty() const { return repelled.empty() && pulled.empty(); }
};

class topology final : public table_listener {
public:
  topology(const node_table& table, namespace_lookup spaces);

  // -- what happens -------------------------------------------------------------------------------

  void pod_put(const pod_facts& pod, node_index where) override { tally(pod, where, 1); }
  void pod_taken(const pod_facts& pod, node_index where) override { tally(pod, where, -1); }
  void node_put(node_index where) override;
  void node_gone(node_index where) override;
  /// Labels of namespaces have changed: counts everything again if a rule depends on them.
  void namespaces_changed();

  // -- what is asked ------------------------------------------------------------------------------

  /// Changes when counters were made anew: rules have to be resolved again.
  uint64_t generation() const { return generation_; }
  /// Counts from now on what this shape's rules need. The shape must outlive the rules.
  pod_rules resolve(const shape& form);
  foreign_rules about(const pod_facts& pod) const;
  bool matches(const spread_rule& rule, const pod_facts& pod) const;
  /// Whether the pod is one that its own affinity terms look for.
  bool matches_itself(const pod_facts& pod) const;

  /// The domain of a row as a small number, -1 if the node has no such label.
  int32_t domain(counter_id counter, node_index row) const;
  int32_t count(counter_id counter, int32_t domain) const { return counters_[counter].at(domain); }
  /// How many pods (or rules) it counts in all domains.
  int64_t total(counter_id counter) const { return counters_[counter].total; }
  /// The smallest count in any domain that has nodes in the counter's scope, and how many such
  /// domains there are.
  struct least {
    int32_t count;
    int32_t domains;
  };
  least smallest(counter_id counter) const;
  /// Whether nodes like this one are counted.
  bool in_scope(counter_id counter, node_index row) const {
    auto& in = scopes_[counters_[counter].scope].in;
    return row < in.size() && in[row];
  }

  /// Columns for whoever goes through all rows.
  const std::vector<int32_t>& domains(counter_id c) const { return keys_[counters_[c].key].of_row; }
  const std::vector<int32_t>& counts(counter_id c) const { return counters_[c].by_domain; }

private:
  struct key_column {
    std::string name;
    std::vector<int32_t> of_row;
    std::map<std::string, int32_t, std::less<>> ids;
    std::vector<uint32_t> nodes; ///< by domain
    std::vector<int32_t> free;
  };
  /// Which nodes count: those that a pod may be on by its wishes and tolerations.
  struct scope {
    std::string text;
    node_wish wish;
    bool honour_taints = false;
    std::vector<toleration> tolerations;
    std::vector<std::string> keys; ///< nodes must have these labels
    std::vector<uint8_t> in;
    std::map<uint32_t, std::vector<uint32_t>> nodes; ///< by key column, by domain
  };
  struct counter {
    uint32_t key = 0;
    uint32_t scope = 0;
    std::vector<int32_t> by_domain;
    int64_t total = 0;
    int32_t at(int32_t domain) const {
      auto d = static_cast<size_t>(domain);
      return domain >= 0 && d < by_domain.size() ? by_domain[d] : 0;
    }
  };
  /// Pods that several rules may ask about.
  struct group {
    std::vector<pod_selector> all_of;
    std::vector<counter_id> counted;  ///< pods of the group
    std::vector<counter_id> repelled; ///< pods that want none of the group near them
    std::vector<counter_id> pulled;   ///< weights of pods that want the group near, or far
  };
  enum class role : uint8_t { counted, repelled, pulled };

  uint32_t key_of(const std::string& name);
  uint32_t scope_of(const shape& form, const spread_rule& rule);
  uint32_t group_of(std::vector<pod_selector> all_of);
  counter_id counter_of(uint32_t group, const std::string& key, uint32_t scope, role what);
  bool belongs(const group& g, const pod_facts& pod) const;
  template<class Visit> void each_group(const pod_facts& pod, Visit visit) const;
  void enter(key_column& key, node_index row);
  void enter(scope& s, node_index row);
  void leave(node_index row);
  void add(counter& c, node_index row, int32_t what, int sign);
  void tally(const pod_facts& pod, node_index where, int sign);
  void tally_own(const pod_facts& pod, node_index where, int sign);
  void begin_again();

  const node_table& table_;
  namespace_lookup spaces_;
  uint64_t generation_ = 1;
  size_t groups_after_start_ = 0;

  std::vector<key_column> keys_;
  std::unordered_map<std::string, uint32_t> key_ids_;
  std::vector<scope> scopes_;
  std::unordered_map<std::string, uint32_t> scope_ids_;
  std::vector<group> groups_;
  std::unordered_map<std::string, uint32_t> group_ids_;
  std::vector<counter> counters_;
  std::unordered_map<std::string, counter_id> counter_ids_;
  /// Groups by a label (or controller) that their pods must have, by its hash; the rest is loose.
  std::unordered_map<size_t, std::vector<uint32_t>> by_word_;
  std::vector<uint32_t> loose_;
};

} // namespace troupe::scheduler
