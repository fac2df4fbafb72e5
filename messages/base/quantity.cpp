#include "messages/base/quantity.hpp"

#include <array>
#include <limits>

namespace troupe {

namespace {

using wide = __int128;

constexpr size_t text_size_max = 64; // longer ones are attacks: 2^63-1 with nine decimals has 29
constexpr int64_t cap = std::numeric_limits<int64_t>::max();

constexpr std::array<const char*, 10> decimal_suffixes{"n", "u", "m", "",  "k",
                                                       "M", "G", "T", "P", "E"};
constexpr std::array<const char*, 7> binary_suffixes{"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

error malformed(std::string_view text) {
  return {
      errc::bad_request,
      "quantity \"" + std::string(text.substr(0, text_size_max)) +
          "\" is malformed: write a number with an optional suffix, such as 500m, 2, 1.5Gi or 1e3"};
}

/// What a suffix multiplies by: base^exponent.
struct scale {
  int base; // 10 or 2
  int exponent;
  quantity::format written;
};

bool read_scale(std::string_view suffix, scale& out) {
  using format = quantity::format;
  for (size_t i = 0; i < decimal_suffixes.size(); ++i)
    if (suffix == decimal_suffixes[i]) {
      out = {10, static_cast<int>(i) * 3 - 9, format::decimal_si};
      return true;
    }
  for (size_t i = 1; i < binary_suffixes.size(); ++i)
    if (suffix == binary_suffixes[i]) {
      out = {2, static_cast<int>(i) * 10, format::binary_si};
      return true;
    }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return false;
  auto digits = suffix.substr(1);
  bool negative = digits[0] == '-';
  if (negative || digits[0] == '+') digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 3) return false;
  int exponent = 0;
  for (auto c : digits) {
    if (c < '0' || c > '9') return false;
    exponent = exponent * 10 + (c - '0');
  }
  out = {10, negative ? -exponent : exponent, format::decimal_exponent};
  return true;
}

std::string print(wide number) {
  if (number == 0) return "0";
  char text[44];
  auto at = text + sizeof text;
  bool negative = number < 0;
  for (auto rest = negative ? -number : number; rest != 0; rest /= 10)
    *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
  if (negative) *--at = '-';
  return {at, static_cast<size_t>(text + sizeof text - at)};
}

} // namespace

result<quantity> quantity::parse(std::string_view text) {
  if (text.empty() || text.size() > text_size_max) return malformed(text);
  size_t at = 0;
  bool negative = text[0] == '-';
  if (negative || text[0] == '+') ++at;

  // Digits without the point, and how many of them stand behind it.
  constexpr wide limit = static_cast<wide>(cap) * nano * 1000;
  wide digits = 0;
  int fraction = 0;
  bool point = false, any = false, lost = false;
  for (; at < text.size(); ++at) {
    auto c = text[at];
    if (c == '.') {
      if (point) return malformed(text);
      point = true;
    } else if (c >= '0' && c <= '9') {
      any = true;
      if (digits > limit) { // beyond every cap, or finer than can matter
        lost = lost || c != '0';
        if (!point) --fraction;
        continue;
      }
      digits = digits * 10 + (c - '0');
      if (point) ++fraction;
    } else {
      break;
    }
  }
  scale by{};
  if (!any || !read_scale(text.substr(at), by)) return malformed(text);

  // digits * base^exponent * 10^(9 - fraction), capped above and rounded away from zero below.
  constexpr wide nanos_max = static_cast<wide>(cap) * nano;
  wide nanos = digits;
  int tens = 9 - fraction + (by.base == 10 ? by.exponent : 0);
  int twos = by.base == 2 ? by.exponent : 0;
  bool inexact = lost;
  // Multiply first, so that dividing loses as little as possible.
  if (twos > 0) {
    constexpr wide wide_max = static_cast<wide>(~static_cast<unsigned __int128>(0) >> 1);
    auto room = wide_max >> twos;
    for (; nanos > room && tens < 0; ++tens) {
      inexact = inexact || nanos % 10 != 0;
      nanos /= 10;
    }
    if (nanos > room) return quantity(negative ? -nanos_max : nanos_max, by.written);
    nanos <<= twos;
  }
  for (; tens > 0 && nanos != 0 && nanos <= nanos_max; --tens) nanos *= 10;
  for (; tens < 0 && nanos != 0; ++tens) {
    inexact = inexact || nanos % 10 != 0;
    nanos /= 10;
  }
  if (inexact) ++nanos;
  if (nanos > nanos_max) nanos = nanos_max;
  return quantity(negative ? -nanos : nanos, by.written);
}

int64_t quantity::scaled(int64_t unit) const {
  auto whole = nanos_ / unit;
  if (nanos_ % unit != 0) whole += nanos_ > 0 ? 1 : -1;
  if (whole > cap) return cap;
  if (whole < -cap) return -cap;
  return static_cast<int64_t>(whole);
}

std::string quantity::text() const {
  if (nanos_ == 0) return "0";
  constexpr wide small = static_cast<wide>(1024) * nano;
  if (format_ == format::binary_si && whole() && (nanos_ >= small || nanos_ <= -small)) {
    auto number = nanos_ / nano;
    size_t power = 0;
    for (; number % 1024 == 0 && power + 1 < binary_suffixes.size(); ++power) number /= 1024;
    return print(number) + binary_suffixes[power];
  }
  auto number = nanos_;
  int power = 0; // of 1000, from nano upward
  for (; number % 1000 == 0 && power < 9; ++power) number /= 1000;
  if (format_ != format::decimal_exponent)
    return print(number) + decimal_suffixes[static_cast<size_t>(power)];
  auto exponent = power * 3 - 9;
  return exponent == 0 ? print(number) : print(number) + "e" + std::to_string(exponent);
}

} // namespace troupe
