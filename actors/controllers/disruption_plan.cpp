#include "actors/controllers/disruption_plan.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/deployment_sizes.hpp"
#include "messages/api/pod.pb.h"
#include "messages/schema/pod_phase.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace troupe::controllers {

using k8s::policy::v1::PodDisruptionBudget;

bool needs_scale(const PodDisruptionBudget& b) {
  return b.spec().has_max_unavailable() ||
         (b.spec().has_min_available() && b.spec().min_available().type() == 1);
}

std::string printed(const k8s::meta::v1::LabelSelector& selector) {
  std::map<std::string, std::string> labels{selector.match_labels().begin(),
                                            selector.match_labels().end()};
  std::string out = "&LabelSelector{MatchLabels:map[string]string{";
  for (auto& [key, value] : labels) out += key + ": " + value + ",";
  out += "},MatchExpressions:[]LabelSelectorRequirement{";
  for (auto& e : selector.match_expressions()) {
    out += "LabelSelectorRequirement{Key:" + e.key() + ",Operator:" + e.operator_() + ",Values:[";
    for (int i = 0; i < e.values_size(); ++i) out += (i ? " " : "") + e.values(i);
    out += "],},";
  }
  return out + "},}";
}

disruption_plan plan(const disruption_view& v) {
  disruption_plan out{v.budget.status(), {}, {}};
  auto& status = out.status;
  auto& spec = v.budget.spec();
  auto tell = [&](bool allows, const char* reason, const std::string& message) {
    auto& all = *status.mutable_conditions();
    set_condition(all, "DisruptionAllowed", allows, reason, message, v.now);
    find_condition(all, "DisruptionAllowed")->set_observed_generation(status.observed_generation());
  };
  if (!v.fault.empty()) { // to be safe nothing may go
    status.set_disruptions_allowed(0);
    tell(false, "SyncFailed", v.fault);
    return out;
  }

  status.clear_disrupted_pods();
  auto& evicted = v.budget.status().disrupted_pods();
  for (auto p : v.pods) {
    auto hit = p->going ? evicted.end() : evicted.find(std::string(p->name));
    if (hit == evicted.end()) continue;
    timestamp end{hit->second.seconds() + eviction_seconds_max, 0};
    if (end <= v.now) {
      out.stayed.push_back(p);
      continue;
    }
    (*status.mutable_disrupted_pods())[hit->first] = hit->second;
    out.look_again = std::min(out.look_again.value_or(end), end);
  }

  int expected = needs_scale(v.budget) ? v.wanted : static_cast<int>(v.pods.size());
  int healthy = 0;
  for (auto p : v.pods)
    healthy += p->ready && !p->going && !status.disrupted_pods().contains(std::string(p->name));
  int needed = spec.has_max_unavailable()
                   ? expected - resolve(spec.max_unavailable(), expected, true)
                   : resolve(spec.min_available(), expected, true);
  needed = std::max(needed, 0);
  int allowed = expected > 0 ? std::max(healthy - needed, 0) : 0;

  status.set_current_healthy(healthy);
  status.set_desired_healthy(needed);
  status.set_expected_pods(expected);
  status.set_disruptions_allowed(allowed);
  status.set_observed_generation(v.budget.metadata().generation());
  tell(allowed > 0, allowed > 0 ? "SufficientPods" : "InsufficientPods", "");
  return out;
}

std::optional<timestamp> disruption_forgotten_at(const k8s::core::v1::Pod& pod) {
  auto c = find_condition(pod.status().conditions(), "DisruptionTarget");
  if (!c || c->status() != "True" || c->reason() == "TerminationByKubelet" ||
      pod.metadata().has_deletion_timestamp() || schema::is_over(pod.status().phase()))
    return {};
  return timestamp{c->last_transition_time().seconds() + eviction_seconds_max, 0};
}

} // namespace troupe::controllers
