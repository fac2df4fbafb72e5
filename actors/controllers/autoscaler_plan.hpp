// What a HorizontalPodAutoscaler decides: how many replicas its target should have, and what it
// tells of that. Pure.
#pragma once

#include "actors/controllers/autoscaler_pace.hpp"
#include "actors/controllers/autoscaler_size.hpp"

namespace troupe::controllers {

struct autoscaler_view {
  const k8s::autoscaling::v2::HorizontalPodAutoscaler& scaler;
  int32_t current;     ///< replicas that the target asks for
  bool knows_its_pods; ///< the target's scale has a selector
  const std::vector<measured_pod>& pods;
  timestamp now;
};

struct autoscaler_decision {
  struct event {
    bool warning;
    std::string reason, message;
  };
  k8s::autoscaling::v2::HorizontalPodAutoscalerStatus status;
  std::optional<int32_t> rescale;
  std::vector<event> events;
};

autoscaler_decision plan(const autoscaler_view& view, pace_memory& memory);

/// What is told where the target has no scale that could be read.
autoscaler_decision plan_without_scale(const k8s::autoscaling::v2::HorizontalPodAutoscaler& scaler,
                                       const std::string& why, timestamp now);

/// Whether a decision needs to know what the pods use.
bool asks_for_figures(const k8s::autoscaling::v2::HorizontalPodAutoscaler& scaler, int32_t current);

} // namespace troupe::controllers
