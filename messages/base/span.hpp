// Lengths of time as people write them, as far as they can be reckoned with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace troupe {

/// A hundred years: what is longer would end beyond all calendars, and beyond what a clock counts
/// in nanoseconds.
inline constexpr int64_t span_seconds_max = 100ll * 365 * 24 * 60 * 60;

/// So many seconds, or a hundred years if they are more; either way.
constexpr std::chrono::seconds span_of(int64_t seconds) {
  return std::chrono::seconds{std::clamp(seconds, -span_seconds_max, span_seconds_max)};
}

} // namespace troupe
