// The flow schemas and priority levels that every cluster begins with, by the names that dashboards
// and runbooks of Kubernetes know. Those named exempt and catch-all are as they are here.
#pragma once

#include "messages/api/flow_control.pb.h"

#include <vector>

namespace troupe::schema {

std::vector<k8s::flowcontrol::v1::PriorityLevelConfiguration> default_priority_levels();

/// `now_seconds` is since when they are known to lead to a level that is there.
std::vector<k8s::flowcontrol::v1::FlowSchema> default_flow_schemas(int64_t now_seconds);

} // namespace troupe::schema
