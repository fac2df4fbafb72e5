// Reads a KubeSchedulerConfiguration: which schedulers there are and how each weighs its scores.
// Pure.
#pragma once

#include "actors/scheduler/profile.hpp"
#include "messages/base/error.hpp"

#include <string_view>

namespace troupe::scheduler {

/// From YAML or JSON. What has no effect here is refused, not ignored: bad_request with the reason.
result<profiles> read_profiles(std::string_view text);

} // namespace troupe::scheduler
