#include "actors/scheduler/filters.hpp"

#include <algorithm>

namespace troupe::scheduler {

namespace {

/// What more important pods, for which room is being made on the node, will take of it.
int64_t spoken_for(const node_table& table, const shape& form, resource_id what, node_index n) {
  int64_t sum = 0;
  for (auto& p : table.reserved(n))
    if (p->form->priority >= form.priority)
      for (auto& need : p->form->needs.needs)
        if (need.what == what) sum += need.amount;
  return sum;
}

bool lacks(const node_table& table, const shape& form, const need& need, node_index n) {
  auto taken = table.used(need.what, n);
  if (!table.reserved(n).empty()) taken += spoken_for(table, form, need.what, n);
  return need.amount > table.allocatable(need.what, n) - taken;
}

bool port_taken(const node_table& table, const shape& form, node_index n) {
  for (auto& wanted : form.ports)
    for (auto& taken : table.ports(n))
      if (wanted.collides(taken)) return true;
  return false;
}

} // namespace

filter fixed_fault(const node_table& table, const shape& form, node_index n) {
  static const taint cordoned = [] {
    taint t;
    t.key = "node.kubernetes.io/unschedulable";
    t.what = taint::effect::no_schedule;
    return t;
  }();
  if (table.unschedulable(n) && untolerated({cordoned}, form.tolerations))
    return filter::unschedulable;
  if (untolerated(table.taints(n), form.tolerations)) return filter::taints;
  if (!form.wish.matches(table.entry(n))) return filter::wishes;
  return filter::none;
}

bool has_room(const node_table& table, const shape& form, node_index n) {
  for (auto& need : form.needs.needs)
    if (lacks(table, form, need, n)) return false;
  return form.ports.empty() || !port_taken(table, form, n);
}

pod_relations::pod_relations(const node_table& table, const topology& counts,
                             const volume_book& volumes, const scheduler::volume_limits& limits,
                             const pod_rules& rules, const pod_facts& pod)
    : table{table}, counts{counts}, volumes{volumes}, limits{limits}, rules{rules},
      foreign{counts.about(pod)} {
  if (!pod.claims.empty()) wish = volumes.wish_of(pod);
  rivalled = std::any_of(wish.rivals.begin(), wish.rivals.end(),
                         [&](auto& key) { return table.find_pod(key) != nullptr; });
  for (auto& s : rules.required_spread) {
    auto least = counts.smallest(s.counter);
    spread.push_back({counts.matches(*s.rule, pod) ? 1 : 0,
                      least.domains < s.rule->domains_min ? 0 : least.count});
  }
  if (!rules.together.empty())
    first_of_its_kind = std::all_of(rules.together.begin(), rules.together.end(),
                                    [&](auto c) { return counts.total(c) == 0; }) &&
                        counts.matches_itself(pod);
}

bool pod_relations::crowded(size_t i, node_index n) const {
  auto& s = rules.required_spread[i];
  auto d = counts.domain(s.counter, n);
  return d >= 0 && counts.count(s.counter, d) + spread[i].self - spread[i].least > s.rule->skew_max;
}

filter pod_relations::fault_at(node_index n) const {
  if (!wish.impossible.empty()) return filter::volumes;
  if (rivalled) return filter::volume_rivals;
  if (limits.exceeded_by(wish.driven, n)) return filter::volume_limits;
  if (!wish.empty() && *volumes.fault_at(wish, table.entry(n))) return filter::volumes;
  for (size_t i = 0; i < spread.size(); ++i)
    if (counts.domain(rules.required_spread[i].counter, n) < 0 || crowded(i, n))
      return filter::spread;
  for (auto c : rules.together) {
    auto d = counts.domain(c, n);
    if (d < 0 || (counts.count(c, d) == 0 && !first_of_its_kind)) return filter::neighbours;
  }
  for (auto list : {&rules.apart, &foreign.repelled})
    for (auto c : *list)
      if (counts.count(c, counts.domain(c, n)) > 0) return filter::neighbours;
  return filter::none;
}

fault pod_relations::explain(node_index n) const {
  auto what = fault_at(n);
  if (what == filter::none) return {};
  if (what == filter::volumes)
    return {what,
            true,
            {wish.impossible.empty() ? volumes.fault_at(wish, table.entry(n)) : wish.impossible}};
  if (what == filter::volume_rivals)
    return {what,
            false,
            {"node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod "
             "access mode"}};
  if (what == filter::volume_limits) return {what, false, {"node(s) exceed max volume count"}};
  if (what == filter::spread) {
    // The first rule that is broken is the one to tell of.
    std::string text = "node(s) didn't match pod topology spread constraints";
    for (size_t i = 0; i < spread.size() && !crowded(i, n); ++i)
      if (counts.domain(rules.required_spread[i].counter, n) < 0)
        return {what, true, {text + " (missing required label)"}};
    return {what, false, {text}};
  }
  for (auto c : rules.together) {
    auto d = counts.domain(c, n);
    if (d < 0 || (counts.count(c, d) == 0 && !first_of_its_kind))
      return {what, true, {"node(s) didn't match pod affinity rules"}};
  }
  for (auto c : rules.apart)
    if (counts.count(c, counts.domain(c, n)) > 0)
      return {what, false, {"node(s) didn't match pod anti-affinity rules"}};
  return {what, false, {"node(s) didn't satisfy existing pods anti-affinity rules"}};
}

fault explain(const node_table& table, const resource_names& names, const pod_relations& relations,
              const pod_facts& pod, node_index n) {
  auto& form = *pod.form;
  switch (auto what = fixed_fault(table, form, n); what) {
  case filter::unschedulable: return {what, true, {"node(s) were unschedulable"}};
  case filter::taints: return {what, true, {"node(s) had untolerated taint(s)"}};
  case filter::wishes: return {what, true, {"node(s) didn't match Pod's node affinity/selector"}};
  default: break;
  }
  if (port_taken(table, form, n))
    return {filter::ports, false, {"node(s) didn't have free ports for the requested pod ports"}};
  fault short_of{filter::resources, false, {}};
  for (auto& need : form.needs.needs) {
    if (!lacks(table, form, need, n)) continue;
    short_of.final = short_of.final || need.amount > table.allocatable(need.what, n);
    short_of.reasons.push_back(need.what == pod_slots ? "Too many pods"
                                                      : "Insufficient " + names.name(need.what));
  }
  if (!short_of.reasons.empty()) return short_of;
  return relations.explain(n);
}

} // namespace troupe::scheduler
