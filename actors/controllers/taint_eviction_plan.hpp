// Decides when a pod has to leave a node because of the node's NoExecute taints. Pure: no actors,
// clock or I/O.
#pragma once

#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/base/time.hpp"

#include <optional>

namespace troupe::controllers {

/// The moment (seconds) at which the pod has to go, or nothing if it may stay for ever. A taint
/// counts from when it was added.
std::optional<int64_t> leaves_at(const k8s::core::v1::Pod& pod, const k8s::core::v1::Node& node,
                                 timestamp now);

} // namespace troupe::controllers
