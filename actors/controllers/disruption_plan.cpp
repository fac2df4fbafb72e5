#include "actors/controllers/disruption_plan.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/deployment_sizes.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace troupe::controllers {

using k8s::policy::v1::PodDisruptionBudget;

bool needs_scale(const PodDisruptionBudget& b) {
  return b.spec().has_max_unavailable() ||
         (b.spec().has_min_available() && b.spec().min_available().type() == 1);
}

disruption_plan plan(const disruption_view& v) {
  disruption_plan out{v.budget.status(), {}};
  auto& status = out.status;
  auto& spec = v.budget.spec();

  std::set<std::string_view> staying;
  for (auto p : v.pods)
    if (!p->going) staying.insert(p->name);
  status.clear_disrupted_pods();
  for (auto& [name, when] : v.budget.status().disrupted_pods()) {
    timestamp end{when.seconds() + eviction_seconds_max, 0};
    if (!staying.contains(name) || end <= v.now) continue;
    (*status.mutable_disrupted_pods())[name] = when;
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
  set_condition(*status.mutable_conditions(), "DisruptionAllowed", allowed > 0,
                allowed > 0 ? "SufficientPods" : "InsufficientPods", "", v.now);
  find_condition(*status.mutable_conditions(), "DisruptionAllowed")
      ->set_observed_generation(v.budget.metadata().generation());
  return out;
}

} // namespace troupe::controllers
