// Controllers that keep pods alive: deployments, replica sets, daemon sets, stateful sets.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/controller_revision.pb.h"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/replication.pb.h"
#include "messages/api/stateful_set.pb.h"

namespace troupe::schema::validate {

namespace {

using namespace k8s::apps::v1;
using k8s::core::v1::PodTemplateSpec;
using k8s::core::v1::ReplicationController;
using k8s::meta::v1::LabelSelector;

/// A selector that is there, is not empty, and selects the pods made from the template. Whether it
/// can be understood: if not, the template is left alone.
bool selector_of(report& out, const path& at, bool given, const LabelSelector& selector,
                 const PodTemplateSpec& t, std::string_view kind,
                 std::string_view why = "invalid label selector") {
  auto here = at / "selector", labels_at = at / "template.metadata.labels";
  auto before = out.size();
  if (given)
    label_selector(out, here, selector);
  else
    out.required(here);
  bool sound = !given || out.size() == before;
  if (given && empty_selector(selector))
    out.invalid(here, shown::plain("{}"), "empty selector is invalid for " + std::string(kind));
  if (!sound)
    out.invalid(here, shown::plain(json_of(selector)), why);
  else if (!given || !selects(selector, t.metadata().labels()))
    out.invalid(labels_at, shown::plain(json_of(t.metadata().labels())),
                "`selector` does not match template `labels`");
  return sound;
}

/// Pods of a controller are started anew for ever.
void always_restarted(report& out, const path& at, const PodTemplateSpec& t,
                      std::string_view kind) {
  auto here = at / "template.spec";
  if (t.spec().restart_policy() != "Always")
    out.not_supported(here / "restartPolicy", t.spec().restart_policy(), {"Always"});
  if (t.spec().has_active_deadline_seconds())
    out.forbidden(here / "activeDeadlineSeconds",
                  "activeDeadlineSeconds in " + std::string(kind) + " is not Supported");
}

void template_of(report& out, const path& at, const PodTemplateSpec& t, std::string_view kind) {
  pod_template(out, at / "template", t);
  always_restarted(out, at, t, kind);
}

void same_selector(report& out, const LabelSelector& selector, const LabelSelector& old) {
  path top;
  out.immutable(top / "spec.selector", &selector, same(selector, old));
}

template<class Status> void not_negative_counts(report& out, const path& at, const Status& s) {
  out.not_negative(at / "replicas", s.replicas());
  out.not_negative(at / "readyReplicas", s.ready_replicas());
  out.not_negative(at / "availableReplicas", s.available_replicas());
  out.not_negative(at / "observedGeneration", s.observed_generation());
  if (s.ready_replicas() > s.replicas())
    out.invalid(at / "readyReplicas", s.ready_replicas(), "cannot be greater than status.replicas");
  if (s.available_replicas() > s.replicas())
    out.invalid(at / "availableReplicas", s.available_replicas(),
                "cannot be greater than status.replicas");
  if (s.available_replicas() > s.ready_replicas())
    out.invalid(at / "availableReplicas", s.available_replicas(),
                "cannot be greater than readyReplicas");
}

void not_decremented(report& out, const path& at, int32_t now, int32_t before) {
  if (now < before) out.invalid(at, now, "cannot be decremented");
}

void deployment_strategy(report& out, const path& at, const DeploymentStrategy& s) {
  auto rolling = at / "rollingUpdate";
  if (s.type() == "Recreate") {
    if (s.has_rolling_update())
      out.forbidden(rolling, "may not be specified when strategy `type` is 'Recreate'");
    return;
  }
  if (s.type() != "RollingUpdate")
    return out.not_supported(at, s.type(), {"Recreate", "RollingUpdate"});
  if (!s.has_rolling_update())
    return out.required(rolling, "this should be defaulted and never be nil");
  auto& r = s.rolling_update();
  percent_or_count(out, rolling / "maxUnavailable", r.max_unavailable());
  percent_or_count(out, rolling / "maxSurge", r.max_surge(), false);
  if (is_zero(r.max_unavailable()) && is_zero(r.max_surge()))
    out.invalid(rolling / "maxUnavailable", text_of(r.max_unavailable()),
                "may not be 0 when `maxSurge` is 0");
}

void deployment(report& out, const Deployment& d) {
  path top;
  auto at = top / "spec";
  auto& s = d.spec();
  out.not_negative(at / "replicas", s.replicas());
  if (selector_of(out, at, s.has_selector(), s.selector(), s.template_(), "deployment"))
    template_of(out, at, s.template_(), "ReplicaSet");
  deployment_strategy(out, at / "strategy", s.strategy());
  out.not_negative(at / "minReadySeconds", s.min_ready_seconds());
  out.not_negative(at / "revisionHistoryLimit", s.revision_history_limit());
  if (s.has_progress_deadline_seconds()) {
    auto here = at / "progressDeadlineSeconds";
    out.not_negative(here, s.progress_deadline_seconds());
    if (s.progress_deadline_seconds() <= s.min_ready_seconds())
      out.invalid(here, s.progress_deadline_seconds(), "must be greater than minReadySeconds");
  }
}

void deployment_update(report& out, const Deployment& d, const Deployment& old) {
  same_selector(out, d.spec().selector(), old.spec().selector());
}

void deployment_status(report& out, const Deployment& d, const Deployment& old) {
  path top;
  auto at = top / "status";
  auto& s = d.status();
  not_negative_counts(out, at, s);
  out.not_negative(at / "updatedReplicas", s.updated_replicas());
  out.not_negative(at / "unavailableReplicas", s.unavailable_replicas());
  if (s.updated_replicas() > s.replicas())
    out.invalid(at / "updatedReplicas", s.updated_replicas(),
                "cannot be greater than status.replicas");
  out.not_negative(at / "collisionCount", s.collision_count());
  not_decremented(out, at / "collisionCount", s.collision_count(), old.status().collision_count());
}

void replica_set(report& out, const ReplicaSet& r) {
  path top;
  auto at = top / "spec";
  auto& s = r.spec();
  out.not_negative(at / "replicas", s.replicas());
  out.not_negative(at / "minReadySeconds", s.min_ready_seconds());
  if (selector_of(out, at, s.has_selector(), s.selector(), s.template_(), "deployment"))
    template_of(out, at, s.template_(), "ReplicaSet");
}

void replica_set_update(report& out, const ReplicaSet& r, const ReplicaSet& old) {
  same_selector(out, r.spec().selector(), old.spec().selector());
}

template<class Set> void replica_status(report& out, const Set& r, const Set&) {
  path top;
  auto at = top / "status";
  not_negative_counts(out, at, r.status());
  out.not_negative(at / "fullyLabeledReplicas", r.status().fully_labeled_replicas());
  if (r.status().fully_labeled_replicas() > r.status().replicas())
    out.invalid(at / "fullyLabeledReplicas", r.status().fully_labeled_replicas(),
                "cannot be greater than status.replicas");
}

void replication_controller(report& out, const ReplicationController& r) {
  path top;
  auto at = top / "spec";
  auto& s = r.spec();
  out.not_negative(at / "minReadySeconds", s.min_ready_seconds());
  labels(out, at / "selector", s.selector());
  // The template itself gives the default; without one, there is only that to say.
  if (s.selector().empty() && s.has_template_()) out.required(at / "selector");
  out.not_negative(at / "replicas", s.replicas());
  if (!s.has_template_()) return out.required(at / "template");
  LabelSelector selector;
  *selector.mutable_match_labels() = s.selector();
  if (!s.selector().empty() && !selects(selector, s.template_().metadata().labels()))
    out.invalid(at / "template.metadata.labels",
                shown::plain(json_of(s.template_().metadata().labels())),
                "`selector` does not match template `labels`");
  template_of(out, at, s.template_(), "ReplicationController");
}

void daemon_set(report& out, const DaemonSet& d) {
  path top;
  auto at = top / "spec";
  auto& s = d.spec();
  auto before = out.size();
  label_selector(out, at / "selector", s.selector());
  if (out.size() == before &&
      !(s.has_selector() && selects(s.selector(), s.template_().metadata().labels())))
    out.invalid(at / "template.metadata.labels",
                shown::plain(json_of(s.template_().metadata().labels())),
                "`selector` does not match template `labels`");
  if (s.has_selector() && empty_selector(s.selector()))
    out.invalid(at / "selector", shown::plain("{}"), "empty selector is invalid for daemonset");
  template_of(out, at, s.template_(), "DaemonSet");
  out.not_negative(at / "minReadySeconds", s.min_ready_seconds());
  out.not_negative(at / "revisionHistoryLimit", s.revision_history_limit());
  auto strategy = at / "updateStrategy";
  auto rolling = strategy / "rollingUpdate";
  auto& u = s.update_strategy();
  if (u.type() == "OnDelete") return;
  if (u.type() != "RollingUpdate")
    return out.not_supported(strategy, u.type(), {"RollingUpdate", "OnDelete"});
  if (!u.has_rolling_update()) return out.required(rolling);
  auto& r = u.rolling_update();
  percent_or_count(out, rolling / "maxUnavailable", r.max_unavailable());
  percent_or_count(out, rolling / "maxSurge", r.max_surge());
  bool unavailable = !is_zero(r.max_unavailable()), surge = !is_zero(r.max_surge());
  if (unavailable && surge)
    out.invalid(rolling / "maxSurge", text_of(r.max_surge()),
                "may not be set when maxUnavailable is non-zero");
  if (!unavailable && !surge)
    out.required(rolling / "maxUnavailable", "cannot be 0 when maxSurge is 0");
}

void daemon_set_update(report& out, const DaemonSet& d, const DaemonSet& old) {
  same_selector(out, d.spec().selector(), old.spec().selector());
}

void daemon_set_status(report& out, const DaemonSet& d, const DaemonSet& old) {
  path top;
  auto at = top / "status";
  auto& s = d.status();
  out.not_negative(at / "currentNumberScheduled", s.current_number_scheduled());
  out.not_negative(at / "numberMisscheduled", s.number_misscheduled());
  out.not_negative(at / "desiredNumberScheduled", s.desired_number_scheduled());
  out.not_negative(at / "numberReady", s.number_ready());
  out.not_negative(at / "observedGeneration", s.observed_generation());
  out.not_negative(at / "updatedNumberScheduled", s.updated_number_scheduled());
  out.not_negative(at / "numberAvailable", s.number_available());
  out.not_negative(at / "numberUnavailable", s.number_unavailable());
  not_decremented(out, at / "collisionCount", s.collision_count(), old.status().collision_count());
}

void stateful_strategy(report& out, const path& at, const StatefulSetUpdateStrategy& u) {
  auto here = at / "updateStrategy";
  auto rolling = here / "rollingUpdate";
  if (u.type().empty()) return out.required(here);
  if (u.type() == "OnDelete") {
    if (u.has_rolling_update())
      out.invalid(rolling, "", "only allowed for updateStrategy 'RollingUpdate'");
    return;
  }
  if (u.type() != "RollingUpdate")
    return out.invalid(here, u.type(), "must be 'RollingUpdate' or 'OnDelete'");
  if (!u.has_rolling_update()) return;
  out.not_negative(rolling / "partition", u.rolling_update().partition());
  if (u.rolling_update().has_max_unavailable()) {
    percent_or_count(out, rolling / "maxUnavailable", u.rolling_update().max_unavailable());
    if (is_zero(u.rolling_update().max_unavailable()))
      out.invalid(rolling / "maxUnavailable", text_of(u.rolling_update().max_unavailable()),
                  "cannot be 0");
  }
}

/// The template as pods get it: every claim template is a volume of its name.
PodTemplateSpec with_claims(const StatefulSetSpec& s) {
  auto out = s.template_();
  auto& volumes = *out.mutable_spec()->mutable_volumes();
  for (auto& claim : s.volume_claim_templates()) {
    auto& name = claim.metadata().name();
    volumes.erase(
        std::remove_if(volumes.begin(), volumes.end(), [&](auto& v) { return v.name() == name; }),
        volumes.end());
    auto& v = *volumes.Add();
    v.set_name(name);
    v.mutable_volume_source()->mutable_persistent_volume_claim()->set_claim_name(name);
  }
  return out;
}

void stateful_set(report& out, const StatefulSet& set) {
  path top;
  auto at = top / "spec";
  auto& s = set.spec();
  auto management = at / "podManagementPolicy";
  if (s.pod_management_policy().empty())
    out.required(management);
  else if (s.pod_management_policy() != "OrderedReady" && s.pod_management_policy() != "Parallel")
    out.invalid(management, s.pod_management_policy(), "must be 'OrderedReady' or 'Parallel'");
  stateful_strategy(out, at, s.update_strategy());
  if (s.has_persistent_volume_claim_retention_policy()) {
    auto here = at / "persistentVolumeClaimRetentionPolicy";
    auto& p = s.persistent_volume_claim_retention_policy();
    out.one_of(here / "whenDeleted", p.when_deleted(), {"Retain", "Delete"});
    out.one_of(here / "whenScaled", p.when_scaled(), {"Retain", "Delete"});
  }
  out.not_negative(at / "replicas", s.replicas());
  out.not_negative(at / "minReadySeconds", s.min_ready_seconds());
  out.not_negative(at / "ordinals.start", s.ordinals().start());
  out.not_negative(at / "revisionHistoryLimit", s.revision_history_limit());
  if (selector_of(out, at, s.has_selector(), s.selector(), s.template_(), "statefulset", ""))
    pod_template(out, at / "template", with_claims(s));
  always_restarted(out, at, s.template_(), "StatefulSet");
}

void stateful_set_update(report& out, const StatefulSet& set, const StatefulSet& old) {
  path at;
  StatefulSetSpec wanted = old.spec();
  auto& s = set.spec();
  wanted.set_replicas(s.replicas());
  *wanted.mutable_template_() = s.template_();
  *wanted.mutable_update_strategy() = s.update_strategy();
  wanted.set_min_ready_seconds(s.min_ready_seconds());
  *wanted.mutable_ordinals() = s.ordinals();
  wanted.set_revision_history_limit(s.revision_history_limit());
  *wanted.mutable_persistent_volume_claim_retention_policy() =
      s.persistent_volume_claim_retention_policy();
  if (!same(s, wanted))
    out.forbidden(
        at / "spec",
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
        "'minReadySeconds' are forbidden");
}

void stateful_set_status(report& out, const StatefulSet& set, const StatefulSet& old) {
  path top;
  auto at = top / "status";
  auto& s = set.status();
  not_negative_counts(out, at, s);
  out.not_negative(at / "currentReplicas", s.current_replicas());
  out.not_negative(at / "updatedReplicas", s.updated_replicas());
  if (s.current_replicas() > s.replicas())
    out.invalid(at / "currentReplicas", s.current_replicas(),
                "cannot be greater than status.replicas");
  if (s.updated_replicas() > s.replicas())
    out.invalid(at / "updatedReplicas", s.updated_replicas(),
                "cannot be greater than status.replicas");
  not_decremented(out, at / "collisionCount", s.collision_count(), old.status().collision_count());
}

void revision(report& out, const ControllerRevision& r) {
  path at;
  if (!r.has_data() || r.data().raw().empty())
    out.required(at / "data", "data is mandatory");
  else if (r.data().raw().front() != '{')
    out.invalid(at / "data", "", "must be an object");
  out.not_negative(at / "revision", r.revision());
}

void revision_update(report& out, const ControllerRevision& r, const ControllerRevision& old) {
  path at;
  out.immutable(at / "data", "", r.data().raw() == old.data().raw());
}

} // namespace

std::vector<row> workload_kinds() {
  return {
      kind_row<Deployment>()
          .any_time<deployment>()
          .on_update<deployment_update>()
          .on_status<deployment_status>(),
      kind_row<ReplicaSet>()
          .any_time<replica_set>()
          .on_update<replica_set_update>()
          .on_status<replica_status<ReplicaSet>>(),
      kind_row<ReplicationController>()
          .any_time<replication_controller>()
          .on_status<replica_status<ReplicationController>>(),
      kind_row<DaemonSet>()
          .any_time<daemon_set>()
          .on_update<daemon_set_update>()
          .on_status<daemon_set_status>(),
      kind_row<StatefulSet>(names::dns_label)
          .any_time<stateful_set>()
          .on_update<stateful_set_update>()
          .on_status<stateful_set_status>(),
      kind_row<ControllerRevision>().any_time<revision>().on_update<revision_update>(),
  };
}

} // namespace troupe::schema::validate
