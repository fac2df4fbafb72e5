// The group metrics.k8s.io: what nodes and pods use, asked of the nodes' doors at the moment that
// somebody wants to know. Nothing of it is stored.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

inline constexpr const char* metrics_group = "metrics.k8s.io";

/// Answers get and list of its kinds.
void metrics(gateway& g, call_ptr c);

} // namespace troupe::gateway
