#include "actors/gateway/fresh_pod.hpp"

#include <optional>

namespace troupe::gateway {

namespace {

using namespace k8s::core::v1;
using k8s::meta::v1::LabelSelector;
using texts = google::protobuf::Map<std::string, std::string>;

constexpr const char* app_armor = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view local = "localhost/";

template<class Keys>
void select(LabelSelector& selector, const Keys& keys, const char* op, const texts& labels) {
  for (auto& key : keys) {
    auto hit = labels.find(key);
    if (hit == labels.end()) continue;
    auto& rule = *selector.add_match_expressions();
    rule.set_key(key);
    rule.set_operator_(op);
    rule.add_values(hit->second);
  }
}

void complete(PodAffinityTerm& term, const texts& labels) {
  if (!term.has_label_selector()) return; // it matches nothing
  select(*term.mutable_label_selector(), term.match_label_keys(), "In", labels);
  select(*term.mutable_label_selector(), term.mismatch_label_keys(), "NotIn", labels);
}

template<class Affinity> void complete_all(Affinity& affinity, const texts& labels) {
  for (auto& may : *affinity.mutable_preferred_during_scheduling_ignored_during_execution())
    complete(*may.mutable_pod_affinity_term(), labels);
  for (auto& must : *affinity.mutable_required_during_scheduling_ignored_during_execution())
    complete(must, labels);
}

/// What the annotation says, or nothing if it says nothing that the field could.
std::optional<AppArmorProfile> profile_of(std::string_view note) {
  AppArmorProfile out;
  if (note == "unconfined") {
    out.set_type("Unconfined");
  } else if (note == "runtime/default") {
    out.set_type("RuntimeDefault");
  } else if (note.starts_with(local) && note.size() > local.size()) {
    out.set_type("Localhost");
    out.set_localhost_profile(std::string(note.substr(local.size())));
  } else {
    return std::nullopt;
  }
  return out;
}

template<class Container> void take_profile(Container& c, const Pod& pod) {
  if (c.security_context().has_app_armor_profile()) return;
  auto note = pod.metadata().annotations().find(app_armor + c.name());
  if (note == pod.metadata().annotations().end()) return;
  auto said = profile_of(note->second);
  auto& whole = pod.spec().security_context();
  if (!said || (whole.has_app_armor_profile() &&
                whole.app_armor_profile().SerializeAsString() == said->SerializeAsString()))
    return;
  *c.mutable_security_context()->mutable_app_armor_profile() = *said;
}

} // namespace

void begin_pod(Pod& pod) {
  auto& spec = *pod.mutable_spec();
  auto& labels = pod.metadata().labels();
  if (!spec.scheduling_gates().empty()) {
    auto& waiting = *pod.mutable_status()->add_conditions();
    waiting.set_type("PodScheduled");
    waiting.set_status("False");
    waiting.set_reason("SchedulingGated");
    waiting.set_message("Scheduling is blocked due to non-empty scheduling gates");
  }
  if (spec.affinity().has_pod_affinity())
    complete_all(*spec.mutable_affinity()->mutable_pod_affinity(), labels);
  if (spec.affinity().has_pod_anti_affinity())
    complete_all(*spec.mutable_affinity()->mutable_pod_anti_affinity(), labels);
  for (auto& c : *spec.mutable_topology_spread_constraints())
    if (c.has_label_selector())
      select(*c.mutable_label_selector(), c.match_label_keys(), "In", labels);
  if (spec.os().name() == "windows") return;
  for (auto& c : *spec.mutable_init_containers()) take_profile(c, pod);
  for (auto& c : *spec.mutable_containers()) take_profile(c, pod);
}

} // namespace troupe::gateway
