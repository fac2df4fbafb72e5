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
  std::string fault = {}; ///< why nobody knows how many are wanted
};

struct disruption_plan {
  k8s::policy::v1::PodDisruptionBudgetStatus status;
  std::optional<timestamp> look_again; ///< when an eviction is forgotten
};
disruption_plan plan(const disruption_view& observed);

/// A selector as Kubernetes' Go programs print it.
std::string printed(const k8s::meta::v1::LabelSelector& selector);

/// Whether the budget is a share of what controllers want, rather than of the pods there are.
bool needs_scale(const k8s::policy::v1::PodDisruptionBudget& budget);

} // namespace troupe::controllers
