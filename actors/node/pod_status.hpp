// What everybody sees of a pod: its status, made from its record. Pure.
#pragma once

#include "actors/node/pod_record.hpp"

namespace troupe::node {

/// The status as the node knows it; whoever stores it dates the conditions.
k8s::core::v1::PodStatus status_of(const Pod& pod, const pod_record& record,
                                   const std::string& node_ip, moment now);

} // namespace troupe::node
