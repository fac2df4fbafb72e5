// Decides which events have been told long enough ago to be forgotten. Pure: no actors, clock or
// I/O.
#pragma once

#include "messages/base/time.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace troupe::controllers {

/// How long an event is kept after it was last told; as upstream.
inline constexpr std::chrono::seconds event_life{3600};

struct event_view {
  std::string key;
  int64_t last_told = 0; ///< seconds
};

/// The keys of those that go, the oldest first, at most so many.
std::vector<std::string> plan(std::vector<event_view> observed, timestamp now, size_t erased_max);

} // namespace troupe::controllers
