// How many pods one metric asks for: from what the pods use, and what they should. Pure.
#pragma once

#include "messages/api/autoscaling_v2.pb.h"
#include "messages/api/metrics.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/base/error.hpp"
#include "messages/base/time.hpp"

#include <string>
#include <vector>

namespace troupe::controllers {

/// A pod of the target, with what it uses, unless that is not known.
struct measured_pod {
  std::shared_ptr<const k8s::core::v1::Pod> pod;
  const k8s::metrics::v1beta1::PodMetrics* figures = nullptr;
};

/// How far from its target a metric may be without anything being done about it.
struct tolerance {
  double below = 0.1, above = 0.1;
  bool covers(double ratio) const { return ratio >= 1 - below && ratio <= 1 + above; }
};

struct size_view {
  const std::vector<measured_pod>& pods;
  int32_t current; ///< replicas that are asked for now
  tolerance accepted;
  timestamp now;
};

struct sizing {
  int32_t replicas;
  k8s::autoscaling::v2::MetricStatus status;
  std::string metric; ///< as people are told of it
};

/// What the metric asks for, or why that cannot be told.
result<sizing> size_by(const k8s::autoscaling::v2::MetricSpec& metric, const size_view& view);

/// The reason that conditions and events give for such a failure, and what failed.
struct size_fault {
  std::string reason, what;
};
size_fault fault_of(const k8s::autoscaling::v2::MetricSpec& metric);

} // namespace troupe::controllers
