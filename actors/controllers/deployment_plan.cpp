#include "actors/controllers/deployment_plan.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/deployment_sizes.hpp"
#include "actors/controllers/deployment_status.hpp"
#include "actors/controllers/template_hash.hpp"
#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace troupe::controllers {

using k8s::apps::v1::Deployment;
using k8s::apps::v1::DeploymentStatus;
using k8s::apps::v1::ReplicaSet;

namespace {

constexpr size_t revision_history_bytes_max = 2000;

/// Annotations that belong to one object alone.
bool own_annotation(std::string_view key) {
  static constexpr std::array<std::string_view, 6> own{
      "kubectl.kubernetes.io/last-applied-configuration",
      revision_annotation,
      revision_history_annotation,
      desired_replicas_annotation,
      max_replicas_annotation,
      "deprecated.deployment.rollback.to"};
  return std::find(own.begin(), own.end(), key) != own.end();
}

std::string annotation(const k8s::meta::v1::ObjectMeta& m, const char* name) {
  auto hit = m.annotations().find(name);
  return hit == m.annotations().end() ? std::string{} : hit->second;
}

int64_t revision_of(const ReplicaSet& set) {
  return std::atoll(annotation(set.metadata(), revision_annotation).c_str());
}

bool earlier(const ReplicaSet* a, const ReplicaSet* b) {
  auto x = a->metadata().creation_timestamp().seconds();
  auto y = b->metadata().creation_timestamp().seconds();
  return x != y ? x < y : a->metadata().name() < b->metadata().name();
}

/// One look at a deployment. It works on copies; what differs in the end is to be written.
class rollout {
public:
  explicit rollout(const deployment_view& v) : v{v}, d{v.deployment} {
    for (auto s : v.sets) copies.push_back(std::make_unique<ReplicaSet>(*s));
    for (auto& s : copies) sets.push_back(s.get());
    std::sort(sets.begin(), sets.end(), earlier);
  }

  std::vector<deployment_action> run() {
    if (d.metadata().has_deletion_timestamp()) {
      find_newest();
      d.mutable_status()->CopyFrom(counted_status(d, sets, newest, v.now));
      return finish();
    }
    note_pause();
    find_newest();
    if (d.spec().paused() || resized()) {
      if (newest) take_over_revision();
      follow_size();
      if (d.spec().paused()) forget_history();
      d.mutable_status()->CopyFrom(counted_status(d, sets, newest, v.now));
      return finish();
    }
    if (!rolls(d) && !old_are_gone()) return finish_rollout();
    if (!newest && !make_newest()) return finish();
    take_over_revision();
    newest->mutable_spec()->set_replicas(next_size(d, *newest, sets));
    if (rolls(d)) shrink_old(d, newest, active(old()));
    return finish_rollout();
  }

private:
  void note_pause() {
    if (!has_deadline(d)) return;
    auto c = find_condition(d.status().conditions(), "Progressing");
    if (c && c->reason() == "ProgressDeadlineExceeded") return;
    bool told = c && c->reason() == "DeploymentPaused";
    if (d.spec().paused() && !told)
      put_condition(*d.mutable_status(), "Progressing", "Unknown", "DeploymentPaused",
                    "Deployment is paused", v.now);
    else if (!d.spec().paused() && told)
      put_condition(*d.mutable_status(), "Progressing", "Unknown", "DeploymentResumed",
                    "Deployment is resumed", v.now);
  }

  void find_newest() {
    auto wanted = form_of(d.spec().template_());
    for (auto s : sets)
      if (!newest && form_of(s->spec().template_()) == wanted) newest = s;
  }

  std::vector<ReplicaSet*> old() const {
    std::vector<ReplicaSet*> out;
    for (auto s : sets)
      if (s != newest) out.push_back(s);
    return out;
  }

  static std::vector<ReplicaSet*> active(std::vector<ReplicaSet*> of) {
    std::erase_if(of, [](auto s) { return s->spec().replicas() == 0; });
    return of;
  }

  /// The deployment's size is another than the sets were last told.
  bool resized() const {
    for (auto s : active(sets)) {
      auto told = annotation(s->metadata(), desired_replicas_annotation);
      if (!told.empty() && std::atoi(told.c_str()) != d.spec().replicas()) return true;
    }
    return false;
  }

  /// Old sets and all their pods: a deployment that recreates starts nothing before that.
  bool old_are_gone() {
    bool gone = true;
    for (auto s : old()) {
      gone = gone && s->spec().replicas() == 0 && s->status().replicas() == 0;
      s->mutable_spec()->set_replicas(0);
    }
    for (auto& [uid, count] : v.running)
      if (count > 0 && (!newest || newest->metadata().uid() != uid)) gone = false;
    return gone;
  }

  bool make_newest() {
    if (!v.refusal.empty()) {
      if (!has_deadline(d)) return false;
      put_condition(*d.mutable_status(), "Progressing", "False", "ReplicaSetCreateError",
                    "Failed to create new replica set \"" + new_set_name(d) + "\": " + v.refusal,
                    v.now);
      return false;
    }
    if (v.name_taken) {
      d.mutable_status()->set_collision_count(d.status().collision_count() + 1);
      return false;
    }
    auto fresh = std::make_unique<ReplicaSet>();
    auto& m = *fresh->mutable_metadata();
    auto hash = template_hash(d.spec().template_(), d.status().collision_count());
    m.set_name(new_set_name(d));
    m.set_namespace_(d.metadata().namespace_());
    auto& spec = *fresh->mutable_spec();
    *spec.mutable_template_() = d.spec().template_();
    (*spec.mutable_template_()->mutable_metadata()->mutable_labels())[template_hash_label] = hash;
    *m.mutable_labels() = spec.template_().metadata().labels();
    *spec.mutable_selector() = d.spec().selector();
    (*spec.mutable_selector()->mutable_match_labels())[template_hash_label] = hash;
    spec.set_replicas(0);
    if (has_deadline(d))
      put_condition(*d.mutable_status(), "Progressing", "True", "NewReplicaSetCreated",
                    "Created new replica set \"" + m.name() + "\"", v.now);
    newest = made = fresh.get();
    copies.push_back(std::move(fresh));
    sets.push_back(newest);
    tell_size(*newest);
    return true;
  }

  /// Numbers the newest set after all others, and gives it the deployment's annotations.
  void take_over_revision() {
    int64_t last = 0;
    for (auto s : old()) last = std::max(last, revision_of(*s));
    auto& notes = *newest->mutable_metadata()->mutable_annotations();
    for (auto& [key, value] : d.metadata().annotations())
      if (!own_annotation(key)) notes[key] = value;
    auto before = revision_of(*newest);
    auto number = std::max(before, last + 1);
    if (before != number) {
      if (before > 0) {
        auto& history = notes[revision_history_annotation];
        history.append(history.empty() ? "" : ",").append(std::to_string(before));
        while (history.size() > revision_history_bytes_max) history.erase(0, history.find(',') + 1);
      }
      notes[revision_annotation] = std::to_string(number);
    }
    newest->mutable_spec()->set_min_ready_seconds(d.spec().min_ready_seconds());
    (*d.mutable_metadata()->mutable_annotations())[revision_annotation] =
        notes[revision_annotation];
    if (has_deadline(d) && !find_condition(d.status().conditions(), "Progressing"))
      put_condition(*d.mutable_status(), "Progressing", "True", "FoundNewReplicaSet",
                    "Found new replica set \"" + newest->metadata().name() + "\"", v.now);
  }

  /// Brings the sets to a new size of the deployment without moving the rollout on.
  void follow_size() {
    auto running = active(sets);
    auto wanted = d.spec().replicas();
    if (running.size() <= 1) {
      auto only = !running.empty() ? running[0]
                  : newest         ? newest
                  : sets.empty()   ? nullptr
                                   : sets.back();
      if (!only) return;
      only->mutable_spec()->set_replicas(wanted);
      tell_size(*only);
      return;
    }
    if (newest && saturated(*newest)) {
      for (auto s : active(old())) s->mutable_spec()->set_replicas(0);
      return;
    }
    if (rolls(d)) share_proportionally(d, running);
    for (auto s : running) tell_size(*s);
  }

  bool saturated(const ReplicaSet& s) const {
    auto told = annotation(s.metadata(), desired_replicas_annotation);
    auto wanted = d.spec().replicas();
    return s.spec().replicas() == wanted && !told.empty() && std::atoi(told.c_str()) == wanted &&
           s.status().available_replicas() == wanted;
  }

  void tell_size(ReplicaSet& s) const {
    auto& notes = *s.mutable_metadata()->mutable_annotations();
    notes[desired_replicas_annotation] = std::to_string(d.spec().replicas());
    notes[max_replicas_annotation] = std::to_string(d.spec().replicas() + bounds_of(d).surge);
  }

  /// Old sets beyond the limit go, the oldest revision first.
  void forget_history() {
    auto empty = old();
    std::erase_if(empty, [](auto s) { return s->metadata().has_deletion_timestamp(); });
    auto surplus = static_cast<int>(empty.size()) - d.spec().revision_history_limit();
    std::stable_sort(empty.begin(), empty.end(),
                     [](auto a, auto b) { return revision_of(*a) < revision_of(*b); });
    for (int i = 0; i < surplus; ++i) {
      auto s = empty[i];
      if (s->status().replicas() != 0 || s->spec().replicas() != 0 ||
          s->metadata().generation() > s->status().observed_generation())
        continue;
      doomed.push_back(s);
    }
  }

  std::vector<deployment_action> finish_rollout() {
    d.mutable_status()->CopyFrom(rollout_status(d, sets, newest, v.now));
    if (newest && complete(d, d.status())) forget_history();
    return finish();
  }

  std::vector<deployment_action> finish() {
    std::vector<deployment_action> actions;
    for (auto s : doomed) actions.push_back(delete_set{s->metadata().name()});
    if (made) {
      tell_scaled(*made, 0, actions);
      actions.push_back(create_set{*made});
    }
    for (auto was : v.sets) write_changed(*was, actions);
    if (codec::to_wire(d) != codec::to_wire(v.deployment)) actions.push_back(update_deployment{d});
    // Where a deadline that has passed is not told, looking again would not change that.
    if (auto until = deadline_of(d); until && v.now < *until && !d.spec().paused())
      actions.push_back(await_progress{*until});
    return actions;
  }

  void write_changed(const ReplicaSet& was, std::vector<deployment_action>& actions) {
    auto now = std::find_if(sets.begin(), sets.end(), [&](auto s) {
      return s != made && s->metadata().uid() == was.metadata().uid();
    });
    if (std::find(doomed.begin(), doomed.end(), *now) != doomed.end()) return;
    if (was.spec().replicas() != (*now)->spec().replicas()) tell_size(**now);
    if (codec::to_wire(was) == codec::to_wire(**now)) return;
    tell_scaled(**now, was.spec().replicas(), actions);
    actions.push_back(update_set{**now});
  }

  static void tell_scaled(const ReplicaSet& s, int before,
                          std::vector<deployment_action>& actions) {
    auto size = s.spec().replicas();
    if (size == before) return;
    actions.push_back(tell_scaling{std::string("Scaled ") + (size > before ? "up" : "down") +
                                   " replica set " + s.metadata().name() + " from " +
                                   std::to_string(before) + " to " + std::to_string(size)});
  }

  const deployment_view& v;
  Deployment d;
  std::vector<std::unique_ptr<ReplicaSet>> copies;
  std::vector<ReplicaSet*> sets; ///< the copies, the oldest first
  std::vector<ReplicaSet*> doomed;
  ReplicaSet* newest = nullptr; ///< the one of the present template
  ReplicaSet* made = nullptr;   ///< the newest, if it is not there yet
};

} // namespace

std::string form_of(const k8s::core::v1::PodTemplateSpec& wanted) {
  auto bare = wanted;
  bare.mutable_metadata()->mutable_labels()->erase(template_hash_label);
  return codec::to_wire(bare);
}

std::string template_hash(const k8s::core::v1::PodTemplateSpec& wanted, int collisions) {
  return short_hash(form_of(wanted), collisions);
}

std::string new_set_name(const Deployment& d) {
  return d.metadata().name() + "-" +
         template_hash(d.spec().template_(), d.status().collision_count());
}

std::vector<deployment_action> plan(const deployment_view& observed) {
  return rollout{observed}.run();
}

} // namespace troupe::controllers
