#include "messages/base/versions.hpp"

#include <charconv>
#include <optional>
#include <tuple>

namespace troupe {

namespace {

/// How settled a version is, its number, and the number of its step towards being settled.
using rank = std::tuple<int, int, int>;

std::optional<int> take_number(std::string_view& text) {
  int n = 0;
  auto end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, n);
  if (read.ec != std::errc{} || text.empty() || text[0] < '1' || text[0] > '9') return {};
  text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
  return n;
}

std::optional<rank> rank_of(std::string_view text) {
  if (!text.starts_with('v')) return {};
  text.remove_prefix(1);
  auto major = take_number(text);
  if (!major) return {};
  if (text.empty()) return rank{2, *major, 0};
  int settled = text.starts_with("beta") ? 1 : 0;
  if (!settled && !text.starts_with("alpha")) return {};
  text.remove_prefix(settled ? 4 : 5);
  auto minor = take_number(text);
  if (!minor || !text.empty()) return {};
  return rank{settled, *major, *minor};
}

} // namespace

bool version_before(std::string_view a, std::string_view b) {
  auto left = rank_of(a), right = rank_of(b);
  if (left && right) return *left > *right;
  if (left || right) return left.has_value();
  return a < b;
}

} // namespace troupe
