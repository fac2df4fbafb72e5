// Decides how many pods of a disruption budget may be taken away at the moment. Pure: no actors,
// clock or I/O.
#pragma once

#include "actors/controllers/pod_view.hpp"
#include "messages/api/policy.pb.h"

#include <optional>
#include <vector>

namespace troupe::controllers {

/// An eviction that was let through counts as a loss for so long, or until the pod goes.
constexpr int64_t eviction_seconds_max = 120;

struct disruption_view {
  const k8s::policy::v1::PodDisruptionBudget& budget;
  std::vector<const pod_view*> pods; ///< all that it selects
  int wanted = 0;                    ///< replicas that the pods' controllers want
  timestamp now;
};

struct disruption_plan {
  k8s::policy::v1::PodDisruptionBudgetStatus status;
  std::optional<timestamp> look_again; ///< when an eviction is forgotten
};
disruption_plan plan(const disruption_view& observed);

/// Whether the budget is a share of what controllers want, rather than of the pods there are.
bool needs_scale(const k8s::policy::v1::PodDisruptionBudget& budget);

} // namespace troupe::controllers
