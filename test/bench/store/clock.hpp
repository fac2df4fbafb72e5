// Stop watches and percentiles for benchmarks.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace troupe::bench {

using steady = std::chrono::steady_clock;

inline double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>(steady::now() - begin).count();
}

/// The value below which `share` of the samples lie. Sorts them.
inline double percentile(std::vector<double>& samples, double share) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  return samples[static_cast<size_t>(share * static_cast<double>(samples.size() - 1))];
}

} // namespace troupe::bench
