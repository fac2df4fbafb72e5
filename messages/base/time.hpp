// Points in time and durations in the forms that Kubernetes writes. Pure: nobody here reads a
// clock.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z, as Kubernetes' Time and MicroTime hold them.
struct timestamp {
  int64_t seconds = 0;
  int32_t nanos = 0;

  auto operator<=>(const timestamp&) const = default;
};

/// RFC 3339 with any offset and fraction; years 0 to 9999.
result<timestamp> parse_time(std::string_view text);
/// "2006-01-02T15:04:05Z".
std::string format_time(int64_t seconds);
/// The same into `out`, which has room for time_text_max characters; returns the end.
constexpr size_t time_text_max = 48;
char* format_time(int64_t seconds, char* out);
/// "2006-01-02T15:04:05.000000Z".
std::string format_micro_time(timestamp at);

/// Go's form: "1h2m3.5s", "300ms", "-1.5h".
result<std::chrono::nanoseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::nanoseconds duration);

/// An age as tables show it: "5s", "3m10s", "2d4h", "3y12d".
std::string format_age(std::chrono::seconds age);

} // namespace troupe
