#include "messages/codec/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace troupe::yaml {

namespace {

template<size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 4> nulls{"~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> trues{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> falses{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 10> unsayable{".inf", ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                     "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN"};

bool digit(char c) { return c >= '0' && c <= '9'; }

/// "0x1f", "0o17", "017", "0b1" in decimal; nothing if it is none of these or does not fit.
std::optional<std::string> other_base(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return {};
  unsigned base = 8;
  auto rest = digits.substr(1);
  if (rest[0] == 'x' || rest[0] == 'X') base = 16, rest.remove_prefix(1);
  else if (rest[0] == 'o' || rest[0] == 'O') rest.remove_prefix(1);
  else if (rest[0] == 'b' || rest[0] == 'B') base = 2, rest.remove_prefix(1);
  if (rest.empty() || rest.size() > 64) return {};
  uint64_t value = 0;
  for (auto c : rest) {
    unsigned d = digit(c) ? static_cast<unsigned>(c - '0')
                 : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                 : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                        : 99u;
    if (d >= base || value > (UINT64_MAX - d) / base) return {};
    value = value * base + d;
  }
  return std::to_string(value);
}

/// `[digits][.digits][e[sign]digits]`, in the form in which JSON wants it.
std::optional<std::string> decimal(std::string_view text) {
  size_t at = 0;
  auto run = [&] {
    auto start = at;
    while (at < text.size() && digit(text[at])) ++at;
    return text.substr(start, at - start);
  };
  auto whole = run();
  bool point = at < text.size() && text[at] == '.';
  if (point) ++at;
  auto fraction = point ? run() : std::string_view();
  if (whole.empty() && fraction.empty()) return {};
  std::string exponent;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    exponent = "e";
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) exponent += text[at++];
    auto power = run();
    if (power.empty()) return {};
    exponent += power;
  }
  if (at != text.size()) return {};
  while (whole.size() > 1 && whole[0] == '0') whole.remove_prefix(1);
  std::string out(whole.empty() ? "0" : whole);
  if (point) out.append(".").append(fraction.empty() ? "0" : fraction);
  return out + exponent;
}

std::optional<std::string> number(std::string_view text) {
  bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || (!digit(text[0]) && text[0] != '.')) return {};
  std::string plain;
  for (auto c : text)
    if (c != '_') plain += c;
  if (plain.size() != text.size() && plain.find('.') != plain.npos) return {};
  auto read = other_base(plain);
  if (!read) read = decimal(plain);
  if (!read) return {};
  return negative ? "-" + *read : *read;
}

} // namespace

std::optional<std::string> resolve_plain(std::string_view text) {
  if (text.empty()) return "null";
  // The first character tells most strings apart.
  constexpr std::string_view first = "~nNyYtToOfF.+-0123456789";
  if (first.find(text[0]) == first.npos || text.size() > 400) return {};
  if (among(nulls, text)) return "null";
  if (among(trues, text)) return "true";
  if (among(falses, text)) return "false";
  if (among(unsayable, text)) return "";
  return number(text);
}

} // namespace troupe::yaml
