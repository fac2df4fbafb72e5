#include "actors/controllers/time_zone_rule.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

constexpr int hour = 3600;
constexpr int last_week = 5;

} // namespace

/// Parts of the text; the first that is wrong makes all wrong.
class time_zone_rule::reader {
public:
  explicit reader(std::string_view text) : left{text} {}

  bool take(char c) {
    if (!left.starts_with(c)) return false;
    left.remove_prefix(1);
    return true;
  }
  void need(char c) { bad = !take(c) || bad; }

  int number(int least, int most) {
    int out = 0;
    size_t digits = 0;
    for (; digits < left.size() && digits < 4 && left[digits] >= '0' && left[digits] <= '9';
         ++digits)
      out = out * 10 + (left[digits] - '0');
    left.remove_prefix(digits);
    bad = bad || digits == 0 || out < least || out > most;
    return out;
  }

  /// "CET" or "<+02>".
  void name() {
    auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    auto end = left.starts_with('<')
                   ? left.find('>') + 1 // 0 if there is none
                   : static_cast<size_t>(std::find_if_not(left.begin(), left.end(), letter) -
                                         left.begin());
    bad = bad || end < 3;
    left.remove_prefix(end);
  }

  /// "[+-]hh[:mm[:ss]]" as seconds.
  int time(int hours_max) {
    bool minus = take('-');
    if (!minus) take('+');
    int out = number(0, hours_max) * hour;
    if (take(':')) out += number(0, 59) * 60;
    if (take(':')) out += number(0, 59);
    return minus ? -out : out;
  }

  moment when() {
    constexpr int hours_of_a_week = 167;
    moment m;
    if (take('M')) {
      m.what = moment::form::weekday;
      m.month = number(1, 12);
      need('.');
      m.week = number(1, last_week);
      need('.');
      m.day = number(0, 6);
    } else if (take('J')) {
      m.what = moment::form::day_but_leap;
      m.day = number(1, 365);
    } else {
      m.day = number(0, 365);
    }
    m.seconds = take('/') ? time(hours_of_a_week) : 2 * hour;
    return m;
  }

  std::string_view left;
  bool bad = false;
};

std::chrono::local_seconds time_zone_rule::moment::in(std::chrono::year year) const {
  using namespace std::chrono;
  auto first = local_days{year / January / 1};
  auto on = first;
  switch (what) {
  case form::weekday: {
    auto of = year / std::chrono::month{static_cast<unsigned>(month)};
    std::chrono::weekday wanted{static_cast<unsigned>(day)};
    on = week == last_week ? local_days{of / wanted[last]}
                           : local_days{of / wanted[static_cast<unsigned>(week)]};
    break;
  }
  case form::day: on = first + days{day}; break;
  case form::day_but_leap: { // the 29th of February is never counted
    auto leap_day = local_days{year / February / 28};
    on = first + days{day - 1};
    if (year.is_leap() && on > leap_day) on += days{1};
    break;
  }
  }
  return on + std::chrono::seconds{seconds};
}

std::optional<time_zone_rule> time_zone_rule::parse(std::string_view text) {
  constexpr int offset_hours_max = 24;
  reader in(text);
  time_zone_rule out;
  in.name();
  out.standard_offset_ = -in.time(offset_hours_max); // told as hours behind universal time
  out.summer_ = !in.left.empty();
  if (out.summer_) {
    in.name();
    out.summer_offset_ =
        in.left.starts_with(',') ? out.standard_offset_ + hour : -in.time(offset_hours_max);
    in.need(',');
    out.begin_ = in.when();
    in.need(',');
    out.end_ = in.when();
  }
  if (in.bad || !in.left.empty()) return {};
  return out;
}

std::vector<clock_change> time_zone_rule::changes(std::chrono::year year) const {
  if (!summer_) return {};
  auto utc = [](std::chrono::local_seconds wall, int offset) {
    return wall.time_since_epoch().count() - offset;
  };
  std::vector<clock_change> out{{utc(begin_.in(year), standard_offset_), summer_offset_},
                                {utc(end_.in(year), summer_offset_), standard_offset_}};
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.at < b.at; });
  return out;
}

} // namespace troupe::controllers
