#include "messages/schema/closest.hpp"

#include <algorithm>
#include <vector>

namespace troupe::schema {

namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      auto replaced = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

} // namespace

std::string closest(std::string_view name, const type& shape) {
  std::string best;
  auto limit = std::max<size_t>(1, name.size() / 3);
  if (name.size() > 64) return best;
  auto consider = [&](const std::string& candidate) {
    auto distance = edit_distance(name, candidate);
    if (distance > limit) return;
    limit = distance - (distance > 0);
    best = candidate;
  };
  auto walk = [&](auto& self, const type& t) -> void {
    for (auto& p : t.properties)
      if (p.inlined)
        self(self, *p.type);
      else
        consider(p.name);
  };
  walk(walk, shape);
  return best;
}

} // namespace troupe::schema
