// What is used now, from what was used up: two samples and the time between them. Nothing is
// measured while nobody asks.
#pragma once

#include "actors/node/metrics.hpp"
#include "messages/cluster/node.pb.h"

#include <mutex>
#include <optional>

namespace troupe::node {

/// Samples closer together than this say too little; older ones say nothing of the present.
inline constexpr int64_t window_ms_min = 400, window_ms_max = 60'000;

/// Any thread.
class usage_meter {
public:
  /// Takes a sample in. Returns the use since earlier ones that are fit for it, of containers that
  /// run since then; none if there is none yet: ask again after window_ms_min.
  std::optional<cluster::Usage> add(machine_use sample, const std::string& node);

private:
  std::mutex mutex_;
  std::optional<machine_use> older_, newer_;
};

} // namespace troupe::node
