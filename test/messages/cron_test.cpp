// Cron schedules: which are taken, and when they are due.
#include "messages/base/cron.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(cron_test)

using namespace troupe;
using namespace std::chrono;

namespace {

local_seconds at(int y, unsigned m, unsigned d, int hour, int minute, int second = 0) {
  return local_days(year(y) / month(m) / day(d)) + hours(hour) + minutes(minute) + seconds(second);
}

} // namespace

BOOST_AUTO_TEST_CASE(schedules_are_due_when_crontab_says) {
  struct row {
    const char* schedule;
    local_seconds after, due;
  };
  const row rows[] = {
      {"* * * * *", at(2026, 1, 1, 0, 0, 30), at(2026, 1, 1, 0, 1)},
      {"*/15 * * * *", at(2026, 1, 1, 0, 15), at(2026, 1, 1, 0, 30)},
      {"0 3 * * *", at(2026, 1, 1, 3, 0), at(2026, 1, 2, 3, 0)},
      {"30 8-10/2 * * mon-fri", at(2026, 1, 2, 11, 0), at(2026, 1, 5, 8, 30)},
      {"0 0 29 2 *", at(2026, 3, 1, 0, 0), at(2028, 2, 29, 0, 0)},
      {"0 0 13 * fri", at(2026, 1, 1, 0, 0), at(2026, 1, 2, 0, 0)}, // either kind of day
      {"0 0 * * SUN", at(2026, 1, 1, 0, 0), at(2026, 1, 4, 0, 0)},
      {"0 0 1 jan ?", at(2026, 1, 1, 0, 0), at(2027, 1, 1, 0, 0)},
      {"@hourly", at(2026, 1, 1, 0, 0), at(2026, 1, 1, 1, 0)},
      {"@weekly", at(2026, 1, 1, 0, 0), at(2026, 1, 4, 0, 0)},
      {"@every 1h30m", at(2026, 1, 1, 0, 0), at(2026, 1, 1, 1, 30)},
      {"5/20 * * * *", at(2026, 1, 1, 0, 6), at(2026, 1, 1, 0, 25)},
      {"59 23 31 12 *", at(2026, 12, 31, 23, 59), at(2027, 12, 31, 23, 59)},
  };
  for (auto& r : rows) {
    auto parsed = cron::parse(r.schedule);
    BOOST_REQUIRE_MESSAGE(parsed.has_value(), r.schedule);
    auto next = parsed->next(r.after);
    BOOST_REQUIRE(next.has_value());
    BOOST_TEST((*next == r.due), r.schedule);
  }
}

BOOST_AUTO_TEST_CASE(hostile_20_nonsense_is_refused) {
  for (auto bad : {"61 * * * *", "*/0 * * * *", "@every 1ns", "@every -1h", "@sometimes", "* * * *",
                   "* * * * * *", "", "a * * * *", "5-1 * * * *", "* 24 * * *", "* * 0 * *",
                   "* * * 13 *", "* * * * 7", "1,,2 * * * *", "TZ=../../etc/passwd 0 0 * * *",
                   "99999999999999999999 * * * *"})
    BOOST_TEST(!cron::parse(bad).has_value(), bad);
  BOOST_TEST(!cron::parse(std::string(100'000, '*')).has_value());
}

BOOST_AUTO_TEST_CASE(a_day_that_never_comes_is_never_due) {
  BOOST_TEST(!cron::parse("0 0 31 2 *")->next(at(2026, 1, 1, 0, 0)).has_value());
}

BOOST_AUTO_TEST_CASE(time_zones_are_names_and_not_paths) {
  for (auto good : {"Europe/Berlin", "UTC", "Etc/GMT+1", "America/Argentina/Buenos_Aires"})
    BOOST_TEST(time_zone_fault(good).empty(), good);
  for (auto bad : {"", "Local", "../../etc/passwd", "/etc/localtime", "a b"})
    BOOST_TEST(!time_zone_fault(bad).empty(), bad);
  if (std::filesystem::is_directory(zones_directory))
    for (auto unknown : {"Nowhere/Here", "Europe", "europe/berlin_"})
      BOOST_TEST(time_zone_fault(unknown).find("unknown time zone") == 0, unknown);
  // A NUL was taken for a letter.
  BOOST_TEST(!time_zone_fault(std::string_view("Europe/Berlin\0", 14)).empty());
}

BOOST_AUTO_TEST_SUITE_END()
