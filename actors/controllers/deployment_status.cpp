#include "actors/controllers/deployment_status.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/deployment_sizes.hpp"

#include <limits>

namespace troupe::controllers {

using k8s::apps::v1::Deployment;
using k8s::apps::v1::DeploymentStatus;
using k8s::apps::v1::ReplicaSet;

namespace {

constexpr const char* done_reason = "NewReplicaSetAvailable";
constexpr const char* late_reason = "ProgressDeadlineExceeded";

std::string subject(const Deployment& d, const ReplicaSet* newest) {
  return newest ? "ReplicaSet \"" + newest->metadata().name() + "\""
                : "Deployment \"" + d.metadata().name() + "\"";
}

bool moved_on(const DeploymentStatus& was, const DeploymentStatus& now) {
  return now.updated_replicas() > was.updated_replicas() ||
         now.replicas() - now.updated_replicas() < was.replicas() - was.updated_replicas() ||
         now.ready_replicas() > was.ready_replicas() ||
         now.available_replicas() > was.available_replicas();
}

bool late(const Deployment& d, const DeploymentStatus& status, timestamp now) {
  auto c = find_condition(status.conditions(), "Progressing");
  if (!c || c->reason() == done_reason) return false;
  if (c->reason() == late_reason) return true;
  return c->last_update_time().seconds() + d.spec().progress_deadline_seconds() <= now.seconds;
}

void put_failure(DeploymentStatus& status, const std::vector<ReplicaSet*>& sets,
                 const ReplicaSet* newest) {
  auto failure = newest ? find_condition(newest->status().conditions(), "ReplicaFailure") : nullptr;
  for (auto s : sets)
    if (!failure) failure = find_condition(s->status().conditions(), "ReplicaFailure");
  if (failure)
    put_condition(status, "ReplicaFailure", failure->status().c_str(), failure->reason().c_str(),
                  failure->message(), {failure->last_transition_time().seconds(), 0});
  else
    drop_condition(*status.mutable_conditions(), "ReplicaFailure");
}

} // namespace

bool has_deadline(const Deployment& d) {
  return d.spec().has_progress_deadline_seconds() &&
         d.spec().progress_deadline_seconds() != std::numeric_limits<int32_t>::max();
}

std::optional<timestamp> deadline_of(const Deployment& d) {
  auto c = find_condition(d.status().conditions(), "Progressing");
  if (!c || !has_deadline(d) || c->reason() == done_reason || c->reason() == late_reason) return {};
  return timestamp{c->last_update_time().seconds() + d.spec().progress_deadline_seconds(), 0};
}

void put_condition(DeploymentStatus& status, const char* type, const char* value,
                   const char* reason, const std::string& message, timestamp now) {
  auto& all = *status.mutable_conditions();
  auto old = find_condition(all, type);
  if (old && old->status() == value && old->reason() == reason) return;
  k8s::apps::v1::DeploymentCondition c;
  c.set_type(type);
  c.set_status(value);
  c.set_reason(reason);
  c.set_message(message);
  c.mutable_last_update_time()->set_seconds(now.seconds);
  c.mutable_last_transition_time()->set_seconds(now.seconds);
  if (old && old->status() == value)
    *c.mutable_last_transition_time() = old->last_transition_time();
  drop_condition(all, type);
  *all.Add() = std::move(c);
}

bool complete(const Deployment& d, const DeploymentStatus& s) {
  auto wanted = d.spec().replicas();
  return s.updated_replicas() == wanted && s.replicas() == wanted &&
         s.available_replicas() == wanted && s.observed_generation() >= d.metadata().generation();
}

DeploymentStatus counted_status(const Deployment& d, const std::vector<ReplicaSet*>& sets,
                                const ReplicaSet* newest, timestamp now) {
  DeploymentStatus out;
  int replicas = 0, ready = 0, ending = 0;
  for (auto s : sets) {
    replicas += s->status().replicas();
    ready += s->status().ready_replicas();
    ending += s->status().terminating_replicas();
  }
  auto available = available_replicas(sets);
  auto unavailable = std::max(wanted_replicas(sets) - available, 0);
  out.set_observed_generation(d.metadata().generation());
  if (replicas) out.set_replicas(replicas);
  if (newest && newest->status().replicas()) out.set_updated_replicas(newest->status().replicas());
  if (ready) out.set_ready_replicas(ready);
  if (available) out.set_available_replicas(available);
  if (unavailable) out.set_unavailable_replicas(unavailable);
  out.set_terminating_replicas(ending);
  if (d.status().has_collision_count()) out.set_collision_count(d.status().collision_count());
  *out.mutable_conditions() = d.status().conditions();
  if (available >= d.spec().replicas() - bounds_of(d).unavailable)
    put_condition(out, "Available", "True", "MinimumReplicasAvailable",
                  "Deployment has minimum availability.", now);
  else
    put_condition(out, "Available", "False", "MinimumReplicasUnavailable",
                  "Deployment does not have minimum availability.", now);
  return out;
}

DeploymentStatus rollout_status(const Deployment& d, const std::vector<ReplicaSet*>& sets,
                                const ReplicaSet* newest, timestamp now) {
  auto status = counted_status(d, sets, newest, now);
  auto& conditions = *status.mutable_conditions();
  if (!has_deadline(d)) drop_condition(conditions, "Progressing");
  auto current = find_condition(conditions, "Progressing");
  bool was_done =
      status.replicas() == status.updated_replicas() && current && current->reason() == done_reason;
  if (has_deadline(d) && !was_done) {
    if (complete(d, status)) {
      put_condition(status, "Progressing", "True", done_reason,
                    subject(d, newest) + " has successfully progressed.", now);
    } else if (moved_on(d.status(), status)) {
      auto since = current && current->status() == "True"
                       ? std::optional(current->last_transition_time())
                       : std::nullopt;
      drop_condition(conditions, "Progressing"); // each step counts, even for the same reason
      put_condition(status, "Progressing", "True", "ReplicaSetUpdated",
                    subject(d, newest) + " is progressing.", now);
      if (since)
        *find_condition(conditions, "Progressing")->mutable_last_transition_time() = *since;
    } else if (late(d, status, now)) {
      put_condition(status, "Progressing", "False", late_reason,
                    subject(d, newest) + " has timed out progressing.", now);
    }
  }
  put_failure(status, sets, newest);
  return status;
}

} // namespace troupe::controllers
