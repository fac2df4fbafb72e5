#include "messages/base/cron.hpp"

#include "messages/base/time.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <vector>

namespace troupe {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr size_t text_max = 256;

/// How far next() looks: leap days on a given weekday come around within 28 years, or 40 over a
/// century.
constexpr int years_max = 41;

error bad(std::string message) { return {errc::bad_request, std::move(message)}; }

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};

struct field {
  std::string_view name;
  int least;
  int most;
  const std::string_view* words = nullptr;
  int word_count = 0;
};

constexpr field fields[] = {
    {"minute", 0, 59},
    {"hour", 0, 23},
    {"day of month", 1, 31},
    {"month", 1, 12, month_names.data(), 12},
    {"day of week", 0, 6, day_names.data(), 7},
};

std::optional<int> read_number(std::string_view text) {
  if (text.empty() || text.size() > 9) return {};
  int value = 0;
  for (auto c : text) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<int> read_value(const field& f, std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return tolower(c); });
  for (int i = 0; i < f.word_count; ++i)
    if (word == f.words[i]) return f.least + i;
  return read_number(text);
}

/// Reads "a", "a-b", "*", "?", each with an optional "/step", into `out`.
template<size_t N>
result<bool> read_range(const field& f, std::string_view text, std::bitset<N>& out) {
  auto fail = [&](std::string_view why) {
    return bad(std::string(f.name) + " \"" + std::string(text) + "\": " + std::string(why));
  };
  auto slash = text.find('/');
  auto range = text.substr(0, slash);
  int low = f.least, high = f.most, step = 1;
  bool star = range == "*" || range == "?";
  if (!star) {
    auto dash = range.find('-');
    auto from = read_value(f, range.substr(0, dash));
    if (!from) return fail("is not a number or a range");
    low = high = *from;
    if (dash != range.npos) {
      auto to = read_value(f, range.substr(dash + 1));
      if (!to) return fail("is not a number or a range");
      high = *to;
    } else if (slash != text.npos) {
      high = f.most;
    }
  }
  if (slash != text.npos) {
    auto by = read_number(text.substr(slash + 1));
    if (!by) return fail("the step is not a number");
    if (*by == 0) return fail("the step must be at least 1");
    step = *by;
  }
  if (low < f.least) return fail("is below " + std::to_string(f.least));
  if (high > f.most) return fail("is above " + std::to_string(f.most));
  if (low > high) return fail("begins after its end");
  for (int i = low; i <= high; i += step) out.set(static_cast<size_t>(i));
  return star && step == 1;
}

/// Reads a comma-separated list; true if it holds a bare `*`.
template<size_t N>
result<bool> read_field(const field& f, std::string_view text, std::bitset<N>& out) {
  bool any = false;
  while (true) {
    auto comma = text.find(',');
    auto read = read_range(f, text.substr(0, comma), out);
    if (!read) return read.error();
    any = any || *read;
    if (comma == text.npos) return any;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < text.size();) {
    auto start = text.find_first_not_of(" \t", at);
    if (start == text.npos) break;
    at = std::min(text.find_first_of(" \t", start), text.size());
    out.push_back(text.substr(start, at - start));
  }
  return out;
}

std::string_view expand(std::string_view macro) {
  if (macro == "@yearly" || macro == "@annually") return "0 0 1 1 *";
  if (macro == "@monthly") return "0 0 1 * *";
  if (macro == "@weekly") return "0 0 * * 0";
  if (macro == "@daily" || macro == "@midnight") return "0 0 * * *";
  if (macro == "@hourly") return "0 * * * *";
  return {};
}

} // namespace

result<cron> cron::parse(std::string_view text) {
  if (text.size() > text_max) return bad("a schedule has at most 256 characters");
  cron c;
  constexpr std::string_view every = "@every ";
  if (text.starts_with(every)) {
    auto period = parse_duration(text.substr(every.size()));
    if (!period) return bad("failed to parse duration of \"" + std::string(text) + "\"");
    if (*period < seconds(1)) return bad("the period must be at least one second");
    c.period_ = std::chrono::duration_cast<seconds>(*period);
    return c;
  }
  if (text.starts_with('@')) {
    auto expanded = expand(text);
    if (expanded.empty()) return bad("unrecognized descriptor: " + std::string(text));
    text = expanded;
  }
  auto parts = words(text);
  if (parts.size() != 5)
    return bad("expected exactly 5 fields, found " + std::to_string(parts.size()) + ": [" +
               std::string(text) + "]");
  auto minute = read_field(fields[0], parts[0], c.minutes_);
  if (!minute) return minute.error();
  auto hour = read_field(fields[1], parts[1], c.hours_);
  if (!hour) return hour.error();
  auto day = read_field(fields[2], parts[2], c.days_);
  if (!day) return day.error();
  auto month = read_field(fields[3], parts[3], c.months_);
  if (!month) return month.error();
  auto weekday = read_field(fields[4], parts[4], c.weekdays_);
  if (!weekday) return weekday.error();
  c.any_day_ = *day;
  c.any_weekday_ = *weekday;
  return c;
}

bool cron::day_matches(std::chrono::year_month_day day) const {
  if (!months_.test(unsigned(day.month()))) return false;
  bool by_day = days_.test(unsigned(day.day()));
  bool by_weekday = weekdays_.test(std::chrono::weekday(local_days(day)).c_encoding());
  // When both kinds of day are given, either may match (crontab(5)).
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<local_seconds> cron::next(local_seconds local) const {
  if (period_) return local + *period_;
  auto at = std::chrono::floor<minutes>(local) + minutes(1);
  auto today = std::chrono::floor<days>(at);
  auto end = today + days(366 * years_max);
  for (auto day = today; day < end; day += days(1)) {
    if (!day_matches(std::chrono::year_month_day(day))) continue;
    auto from = day == today ? std::chrono::duration_cast<minutes>(at - day) : minutes(0);
    for (auto m = from; m < hours(24);) {
      auto hour = static_cast<size_t>(m.count() / 60);
      if (!hours_.test(hour))
        m = minutes((hour + 1) * 60);
      else if (!minutes_.test(static_cast<size_t>(m.count() % 60)))
        m += minutes(1);
      else
        return local_seconds(day + m);
    }
  }
  return {};
}

std::string time_zone_fault(std::string_view name) {
  if (name.empty()) return "timeZone must be nil or non-empty string";
  if (name == "Local" || name == "local")
    return "timeZone must be an explicit time zone as defined in "
           "https://www.iana.org/time-zones";
  auto allowed = [](char c) {
    constexpr std::string_view others = "/_+-"; // a view, in which no NUL is found
    return isalnum(static_cast<unsigned char>(c)) || others.find(c) != others.npos;
  };
  if (name.size() > 64 || !std::all_of(name.begin(), name.end(), allowed) || name.front() == '/')
    return "unknown time zone " + std::string(name.substr(0, 64));
  // A machine that has no files of zones cannot tell: there, the form is all that is looked at.
  std::error_code none;
  if (std::filesystem::is_directory(zones_directory, none) &&
      !std::filesystem::is_regular_file(std::string(zones_directory) + std::string(name), none))
    return "unknown time zone " + std::string(name);
  return {};
}

} // namespace troupe
