// What pods use, in the forms that metrics collectors read.
#pragma once

#include "actors/runtime/cgroups.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::node {

struct context;

struct container_use {
  std::string ns, pod, container, uid;
  runtime::cgroup_usage use;
  int64_t started_seconds = 0;
};
struct machine_use {
  std::vector<container_use> containers;
  std::vector<container_use> pods; ///< `container` is empty
  runtime::cgroup_usage node;
  int64_t now_ms = 0;
};

/// Blocking: reads control groups.
machine_use measure(const context& of);

// Pure.
std::string resource_metrics(const machine_use& use);                      ///< /metrics/resource
std::string cadvisor_metrics(const machine_use& use);                      ///< /metrics/cadvisor
std::string own_metrics(const machine_use& use, const std::string& node);  ///< /metrics
std::string summary_json(const machine_use& use, const std::string& node); ///< /stats/summary

} // namespace troupe::node
