#include "actors/controllers/job_indexes.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::controllers {

index_set index_set::parse(std::string_view text, int end) {
  index_set out;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    auto part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    auto dash = std::min(part.find('-'), part.size());
    int first = -1, last = -1;
    std::from_chars(part.data(), part.data() + dash, first);
    last = first;
    if (dash < part.size())
      std::from_chars(part.data() + dash + 1, part.data() + part.size(), last);
    last = std::min(last, end - 1);
    if (first >= 0 && first <= last) out.add(first, last);
  }
  return out;
}

void index_set::add(int index) { add(index, index); }

void index_set::add(int first, int last) {
  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second >= first - 1) --at;
  while (at != ranges_.end() && at->first <= last + 1) {
    first = std::min(first, at->first);
    last = std::max(last, at->second);
    at = ranges_.erase(at);
  }
  ranges_[first] = last;
}

bool index_set::contains(int index) const {
  auto at = ranges_.upper_bound(index);
  return at != ranges_.begin() && std::prev(at)->second >= index;
}

int index_set::size() const {
  int sum = 0;
  for (auto& [first, last] : ranges_) sum += last - first + 1;
  return sum;
}

std::string index_set::text() const {
  std::string out;
  for (auto& [first, last] : ranges_) {
    out.append(out.empty() ? "" : ",").append(std::to_string(first));
    if (last > first) out.append(last > first + 1 ? "-" : ",").append(std::to_string(last));
  }
  return out;
}

} // namespace troupe::controllers
