// The group metrics.k8s.io: what nodes and pods use, asked of the nodes' doors at the moment that
// somebody wants to know. Nothing of it is stored.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "messages/cluster/node.pb.h"

#include <map>

namespace troupe::gateway {

inline constexpr const char* metrics_group = "metrics.k8s.io";

/// What these nodes and their pods use, by node; those that do not answer in time are left out.
/// Once it is known, tells it on any thread.
void measure(gateway& g, std::vector<std::string> nodes,
             std::function<void(std::map<std::string, cluster::Usage>)> tell);

/// Answers get and list of its kinds.
void metrics(gateway& g, call_ptr c);

} // namespace troupe::gateway
