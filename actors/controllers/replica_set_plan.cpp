#include "actors/controllers/replica_set_plan.hpp"

#include "actors/controllers/conditions.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

using k8s::apps::v1::ReplicaSet;
using k8s::apps::v1::ReplicaSetStatus;

std::vector<const pod_view*> active(const replica_set_view& v) {
  std::vector<const pod_view*> out;
  for (auto p : v.pods)
    if (p->active()) out.push_back(p);
  return out;
}

/// Whether the pod has every label of the set's template.
bool fully_labeled(const pod_view& p, const ReplicaSet& set) {
  auto& wanted = set.spec().template_().metadata().labels();
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](auto& label) { return p.entry->label(label.first) == label.second; });
}

} // namespace

std::vector<replica_set_action> plan(const replica_set_view& v) {
  std::vector<replica_set_action> actions;
  auto pods = active(v);
  auto count = static_cast<int>(pods.size());
  auto wanted = v.set.spec().replicas();
  if (!v.set.metadata().has_deletion_timestamp()) {
    if (count > wanted) {
      auto surplus = std::min(count - wanted, replicas_per_round_max);
      auto crowd = [&](const pod_view* p) {
        auto hit = v.crowd.find(p->node);
        return p->node.empty() || hit == v.crowd.end() ? 0 : hit->second;
      };
      std::partial_sort(pods.begin(), pods.begin() + surplus, pods.end(), [&](auto a, auto b) {
        return goes_before(*a, crowd(a), *b, crowd(b), v.now);
      });
      for (int i = 0; i < surplus; ++i) actions.push_back(delete_pod{pods[i]});
    } else if (count < wanted) {
      actions.push_back(create_pods{std::min(wanted - count, replicas_per_round_max)});
    }
  }
  auto patience = v.set.spec().min_ready_seconds();
  std::optional<timestamp> next;
  for (auto p : pods)
    if (p->ready && !p->available(patience, v.now))
      next = std::min(next.value_or(p->available_at(patience)), p->available_at(patience));
  if (next) actions.push_back(look_again{*next});
  return actions;
}

ReplicaSetStatus status_after(const replica_set_view& v, const replica_set_outcome& outcome) {
  auto status = v.set.status();
  int replicas = outcome.created, labeled = outcome.created, ready = 0, available = 0, ending = 0;
  for (auto p : v.pods) {
    bool deleted =
        std::find(outcome.deleted.begin(), outcome.deleted.end(), p) != outcome.deleted.end();
    if (!p->finished() && (p->going || (deleted && !p->node.empty()))) ++ending;
    if (!p->active() || deleted) continue;
    ++replicas;
    labeled += fully_labeled(*p, v.set);
    ready += p->ready;
    available += p->available(v.set.spec().min_ready_seconds(), v.now);
  }
  status.set_replicas(replicas);
  auto put = [&](int value, auto set, auto clear) {
    value ? (status.*set)(value) : (status.*clear)();
  };
  put(labeled, &ReplicaSetStatus::set_fully_labeled_replicas,
      &ReplicaSetStatus::clear_fully_labeled_replicas);
  put(ready, &ReplicaSetStatus::set_ready_replicas, &ReplicaSetStatus::clear_ready_replicas);
  put(available, &ReplicaSetStatus::set_available_replicas,
      &ReplicaSetStatus::clear_available_replicas);
  status.set_terminating_replicas(ending);
  status.set_observed_generation(v.set.metadata().generation());
  if (outcome.failure_reason.empty())
    drop_condition(*status.mutable_conditions(), "ReplicaFailure");
  else if (!find_condition(status.conditions(), "ReplicaFailure"))
    // Once said it stays as it is until all is well: retries must not change the status.
    set_condition(*status.mutable_conditions(), "ReplicaFailure", true, outcome.failure_reason,
                  outcome.failure_message, v.now);
  return status;
}

} // namespace troupe::controllers
