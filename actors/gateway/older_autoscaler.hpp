// HorizontalPodAutoscaler in its two versions. What v1 has no words for travels in annotations, so
// that whoever reads and writes v1 loses nothing of it. Pure.
#pragma once

#include "messages/api/autoscaling_v1.pb.h"
#include "messages/api/autoscaling_v2.pb.h"

namespace troupe::gateway {

k8s::autoscaling::v2::HorizontalPodAutoscaler
newer(const k8s::autoscaling::v1::HorizontalPodAutoscaler& from);
k8s::autoscaling::v1::HorizontalPodAutoscaler
older(const k8s::autoscaling::v2::HorizontalPodAutoscaler& from);

} // namespace troupe::gateway
