// How much disk a pod may use and does use: emptyDir volumes with a limit, what its containers
// write and log. Deciding is pure; measuring walks the pod's own directories.
#pragma once

#include "actors/node/paths.hpp"
#include "messages/api/pod.pb.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::node {

struct disk_limits {
  struct limit {
    int64_t bytes = 0;
    std::string text; ///< as its author wrote it
  };
  std::map<std::string, limit> volumes, containers; ///< by name
  std::optional<int64_t> pod;                       ///< all containers together, if one has a limit

  bool any() const { return !volumes.empty() || pod.has_value(); }
};
disk_limits disk_limits_of(const k8s::core::v1::Pod& pod);

struct disk_use {
  std::map<std::string, int64_t> volumes;    ///< emptyDir on disk, by name
  std::map<std::string, int64_t> containers; ///< written layers and logs
};

/// Blocking: looks at every file.
disk_use measure_disk(const paths& where, const k8s::core::v1::Pod& pod,
                      const std::vector<std::string>& containers);

/// Why the pod must go, in the words that users know; none if it keeps to its limits.
std::optional<std::string> beyond_limits(const disk_limits& limits, const disk_use& use);

} // namespace troupe::node
