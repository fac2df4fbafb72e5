// What a container may learn of its own pod: the downward API, in variables and files. Pure.
#pragma once

#include "messages/api/pod.pb.h"
#include "messages/base/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::node {

/// What only the node knows.
struct node_view {
  std::string name;
  std::string ip;
  std::vector<std::string> pod_ips;
  int64_t allocatable_cpu_milli = 0; ///< stands for a limit that is not given
  int64_t allocatable_memory_bytes = 0;
  int64_t allocatable_storage_bytes = 0;
};

/// "metadata.labels['app']", "status.podIP", "spec.nodeName", ...
result<std::string> field_value(const k8s::core::v1::Pod& pod, const node_view& node,
                                const std::string& path);

/// "limits.cpu" of a container, in units of the divisor, rounded up.
result<std::string> resource_value(const k8s::core::v1::Pod& pod, const node_view& node,
                                   const k8s::core::v1::ResourceFieldSelector& of,
                                   const std::string& own_container);

} // namespace troupe::node
