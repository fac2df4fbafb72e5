#include "messages/base/time.hpp"

#include <array>
#include <cstdio>

namespace troupe {

namespace {

using namespace std::chrono;

struct civil {
  int64_t year;
  unsigned month, day, hour, minute, second;
};

civil split(int64_t seconds) {
  auto days = floor<std::chrono::days>(sys_seconds{std::chrono::seconds{seconds}});
  year_month_day date{days};
  auto rest = static_cast<unsigned>(seconds - sys_seconds{days}.time_since_epoch().count());
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          rest / 3600,
          rest / 60 % 60,
          rest % 60};
}

bool digits(std::string_view text, size_t at, size_t count, unsigned& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + static_cast<unsigned>(text[i] - '0');
  }
  return true;
}

error malformed_time(std::string_view text) {
  return {errc::bad_request, "time \"" + std::string(text.substr(0, 64)) +
                                 "\" is malformed: write it like 2026-01-31T23:59:59Z"};
}

} // namespace

result<timestamp> parse_time(std::string_view text) {
  unsigned year, month, day, hour, minute, second;
  bool shape = text.size() >= 20 && text.size() <= 64 && digits(text, 0, 4, year) &&
               text[4] == '-' && digits(text, 5, 2, month) && text[7] == '-' &&
               digits(text, 8, 2, day) && (text[10] == 'T' || text[10] == 't') &&
               digits(text, 11, 2, hour) && text[13] == ':' && digits(text, 14, 2, minute) &&
               text[16] == ':' && digits(text, 17, 2, second);
  if (!shape || hour > 23 || minute > 59 || second > 59) return malformed_time(text);
  year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                      std::chrono::day(day)};
  if (!date.ok()) return malformed_time(text);

  size_t at = 19;
  int32_t nanos = 0;
  if (text[at] == '.' || text[at] == ',') {
    auto unit = 100'000'000;
    auto first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      nanos += (text[at] - '0') * unit;
    if (at == first) return malformed_time(text);
  }
  int64_t offset = 0;
  auto zone = text.substr(at);
  if (zone != "Z" && zone != "z") {
    unsigned hours, minutes;
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || !digits(zone, 1, 2, hours) ||
        zone[3] != ':' || !digits(zone, 4, 2, minutes) || hours > 23 || minutes > 59)
      return malformed_time(text);
    offset = static_cast<int64_t>(hours * 60 + minutes) * (zone[0] == '-' ? -60 : 60);
  }
  auto days = sys_days{date}.time_since_epoch().count();
  return timestamp{
      static_cast<int64_t>(days) * 86'400 + hour * 3600 + minute * 60 + second - offset, nanos};
}

char* format_time(int64_t seconds, char* out) {
  auto t = split(seconds);
  auto two = [&](unsigned value, char end) {
    *out++ = static_cast<char>('0' + value / 10);
    *out++ = static_cast<char>('0' + value % 10);
    *out++ = end;
  };
  if (t.year >= 0 && t.year <= 9999) {
    *out++ = static_cast<char>('0' + t.year / 1000);
    *out++ = static_cast<char>('0' + t.year / 100 % 10);
    two(static_cast<unsigned>(t.year % 100), '-');
  } else {
    out += snprintf(out, 24, "%04lld-", static_cast<long long>(t.year));
  }
  two(t.month, '-');
  two(t.day, 'T');
  two(t.hour, ':');
  two(t.minute, ':');
  two(t.second, 'Z');
  return out;
}

std::string format_time(int64_t seconds) {
  char text[time_text_max];
  return {text, format_time(seconds, text)};
}

std::string format_micro_time(timestamp at) {
  auto text = format_time(at.seconds);
  char fraction[16];
  snprintf(fraction, sizeof fraction, ".%06dZ", at.nanos / 1000);
  text.pop_back();
  return text + fraction;
}

result<nanoseconds> parse_duration(std::string_view text) {
  error bad{errc::bad_request, "duration \"" + std::string(text.substr(0, 64)) +
                                   "\" is malformed: write it like 30s, 5m or 1h30m"};
  static constexpr std::array<std::pair<std::string_view, int64_t>, 8> units{{
      {"ns", 1},
      {"us", 1'000},
      {"\xc2\xb5s", 1'000},
      {"\xce\xbcs", 1'000},
      {"ms", 1'000'000},
      {"s", 1'000'000'000},
      {"m", 60'000'000'000},
      {"h", 3'600'000'000'000},
  }};
  if (text.empty() || text.size() > 64) return bad;
  bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text == "0") return nanoseconds{0};
  if (text.empty()) return bad;
  __int128 total = 0;
  while (!text.empty()) {
    __int128 number = 0;
    __int128 divisor = 1;
    bool any = false, point = false;
    size_t at = 0;
    for (; at < text.size(); ++at) {
      if (text[at] == '.' && !point) {
        point = true;
      } else if (text[at] >= '0' && text[at] <= '9') {
        any = true;
        if (divisor >= 1'000'000'000'000) continue; // finer than a nanosecond
        number = number * 10 + (text[at] - '0');
        if (point) divisor *= 10;
        if (number > __int128{1} << 90) return bad;
      } else {
        break;
      }
    }
    text.remove_prefix(at);
    size_t letters = 0;
    while (letters < text.size() && text[letters] != '.' &&
           (text[letters] < '0' || text[letters] > '9'))
      ++letters;
    int64_t unit = 0;
    for (auto& [name, size] : units)
      if (name == text.substr(0, letters)) unit = size;
    if (!any || unit == 0) return bad;
    text.remove_prefix(letters);
    total += number * unit / divisor;
    if (total > INT64_MAX) return bad;
  }
  return nanoseconds{static_cast<int64_t>(negative ? -total : total)};
}

std::string format_duration(nanoseconds duration) {
  auto left = duration.count();
  if (left == 0) return "0s";
  std::string sign = left < 0 ? "-" : "";
  auto size = left < 0 ? 0 - static_cast<uint64_t>(left) : static_cast<uint64_t>(left);
  auto fraction = [](uint64_t whole, uint64_t rest, int width) {
    auto text = std::to_string(whole);
    if (rest == 0) return text;
    auto tail = std::to_string(rest);
    tail.insert(0, static_cast<size_t>(width) - tail.size(), '0');
    tail.erase(tail.find_last_not_of('0') + 1);
    return text + "." + tail;
  };
  if (size < 1'000) return sign + std::to_string(size) + "ns";
  if (size < 1'000'000) return sign + fraction(size / 1'000, size % 1'000, 3) + "\xc2\xb5s";
  if (size < 1'000'000'000) return sign + fraction(size / 1'000'000, size % 1'000'000, 6) + "ms";
  auto whole = size / 1'000'000'000;
  std::string text = sign;
  if (whole >= 3600) text += std::to_string(whole / 3600) + "h";
  if (whole >= 60) text += std::to_string(whole / 60 % 60) + "m";
  return text + fraction(whole % 60, size % 1'000'000'000, 9) + "s";
}

std::string format_age(seconds age) {
  auto s = age.count();
  if (s < -1) return "<invalid>";
  if (s < 0) return "0s";
  auto pair = [](int64_t big, const char* big_unit, int64_t small, const char* small_unit) {
    auto text = std::to_string(big) + big_unit;
    return small == 0 ? text : text + std::to_string(small) + small_unit;
  };
  if (s < 120) return std::to_string(s) + "s";
  auto minutes = s / 60;
  if (minutes < 10) return pair(minutes, "m", s % 60, "s");
  if (minutes < 180) return std::to_string(minutes) + "m";
  auto hours = minutes / 60;
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  auto days = hours / 24;
  if (days < 8) return pair(days, "d", hours % 24, "h");
  if (days < 730) return std::to_string(days) + "d";
  auto years = days / 365;
  if (years < 8) return pair(years, "y", days % 365, "d");
  return std::to_string(years) + "y";
}

} // namespace troupe
