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
  std::vector<const pod_view*> stayed; ///< pods whose eviction is forgotten now
};
disruption_plan plan(const disruption_view& observed);

/// When it is over that a pod says it is about to be taken away: nobody has done so by then. None
/// if it does not say so, or is going, or its own node said so, which may take any time.
std::optional<timestamp> disruption_forgotten_at(const k8s::core::v1::Pod& pod);

/// A selector as Kubernetes' Go programs print it.
std::string printed(const k8s::meta::v1::LabelSelector& selector);

/// Whether the budget is a share of what controllers want, rather than of the pods there are.
bool needs_scale(const k8s::policy::v1::PodDisruptionBudget& budget);

} // namespace troupe::controllers
