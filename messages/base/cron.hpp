// Cron schedules as CronJobs write them: five fields, names of months and days, and the @hourly
// family. Pure: the caller says what time it is, in the schedule's own time zone.
#pragma once

#include "messages/base/error.hpp"

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// A parsed schedule. Times are local to the schedule: seconds since 1970 as the zone's wall clock
/// shows.
class cron {
public:
  /// "*/5 8-18 * * mon-fri", "@daily", "@every 1h30m". Fails with a sentence that names the bad
  /// part.
  static result<cron> parse(std::string_view text);

  /// The first time after `local` at which the schedule is due; nothing if it never is.
  std::optional<std::chrono::local_seconds> next(std::chrono::local_seconds local) const;

  /// For "@every": the distance between two times.
  std::optional<std::chrono::seconds> period() const { return period_; }

private:
  bool day_matches(std::chrono::year_month_day day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;    // of the month, 1 to 31
  std::bitset<13> months_;  // 1 to 12
  std::bitset<7> weekdays_; // 0 is Sunday
  bool any_day_ = false;    // `*` or `?`: the other kind of day decides alone
  bool any_weekday_ = false;
  std::optional<std::chrono::seconds> period_;
};

/// Where machines keep what they know about time zones.
inline constexpr const char* zones_directory = "/usr/share/zoneinfo/";
/// What is wrong with the name of a time zone, also that this machine knows none of that name;
/// empty if nothing is.
std::string time_zone_fault(std::string_view name);

} // namespace troupe
