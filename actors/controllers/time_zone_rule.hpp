// How a zone's clocks are changed every year, as the last line of its file says it:
// "CET-1CEST,M3.5.0,M10.5.0/3" (RFC 8536, section 3.3). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::controllers {

/// From when on clocks are so many seconds ahead of universal time.
struct clock_change {
  int64_t at;
  int offset;
};

class time_zone_rule {
public:
  /// Nothing if the text is malformed.
  static std::optional<time_zone_rule> parse(std::string_view text);

  /// The changes of a year, in order; none where clocks are left alone.
  std::vector<clock_change> changes(std::chrono::year year) const;

private:
  /// A day of the year as one of three forms names it, and seconds of that day.
  struct moment {
    enum class form : uint8_t { weekday, day, day_but_leap } what = form::day;
    int month = 0, week = 0, day = 0;
    int seconds = 0;

    std::chrono::local_seconds in(std::chrono::year year) const;
  };
  class reader;

  bool summer_ = false;
  int standard_offset_ = 0, summer_offset_ = 0;
  moment begin_, end_; ///< of summer
};

} // namespace troupe::controllers
