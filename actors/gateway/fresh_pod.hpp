// What a new pod says beyond what its author wrote.
#pragma once

#include "messages/api/pod.pb.h"

namespace troupe::gateway {

/// Completes a pod that nobody has stored yet: a pod behind gates waits for them, label keys of
/// affinities become selectors by the labels that the pod has, and old annotations become the
/// fields that took their place.
void begin_pod(k8s::core::v1::Pod& pod);

} // namespace troupe::gateway
