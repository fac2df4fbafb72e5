// The quality-of-service class of a pod: what its containers ask for decides who goes first when a
// node runs short. Pure.
#pragma once

#include <string>

namespace k8s::core::v1 {
class PodSpec;
}

namespace troupe::schema {

/// "Guaranteed", "Burstable" or "BestEffort".
std::string qos_class(const k8s::core::v1::PodSpec& spec);

} // namespace troupe::schema
