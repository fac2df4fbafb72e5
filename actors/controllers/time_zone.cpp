#include "actors/controllers/time_zone.hpp"

#include "actors/controllers/time_zone_rule.hpp"

#include <algorithm>

namespace troupe::controllers {

using std::chrono::seconds;

namespace {

constexpr size_t header_bytes = 44;
constexpr size_t changes_max = 10'000;

/// Big-endian numbers out of bytes that may end too early.
class reader {
public:
  explicit reader(std::string_view bytes) : left{bytes} {}

  int64_t number(size_t size) {
    if (left.size() < size) {
      bad = true;
      return 0;
    }
    uint64_t out = left[0] & 0x80 ? ~uint64_t{0} : 0;
    for (size_t i = 0; i < size; ++i) out = out << 8 | static_cast<uint8_t>(left[i]);
    left.remove_prefix(size);
    return static_cast<int64_t>(out);
  }
  void skip(size_t size) {
    bad = bad || left.size() < size;
    left.remove_prefix(std::min(size, left.size()));
  }

  std::string_view left;
  bool bad = false;
};

struct header {
  char version = 0;
  size_t utc_marks = 0, standard_marks = 0, leaps = 0, changes = 0, types = 0, letters = 0;

  bool read(reader& in) {
    if (in.left.size() < header_bytes || !in.left.starts_with("TZif")) return false;
    version = in.left[4];
    in.skip(20);
    for (auto count : {&utc_marks, &standard_marks, &leaps, &changes, &types, &letters})
      *count = static_cast<size_t>(in.number(4));
    return !in.bad && changes <= changes_max && types > 0 && types <= 256;
  }
  size_t body(size_t time_size) const {
    return changes * time_size + changes + types * 6 + letters + leaps * (time_size + 4) +
           standard_marks + utc_marks;
  }
};

} // namespace

result<time_zone> time_zone::parse(std::string_view file) {
  const error broken{errc::corrupt, "the time zone's file is no TZif file"};
  reader in(file);
  header h;
  if (!h.read(in)) return broken;
  size_t time_size = 4;
  if (h.version >= '2') { // the same again follows, with wider times
    in.skip(h.body(4));
    if (!h.read(in)) return broken;
    time_size = 8;
  }
  auto behind = in.left.substr(std::min(h.body(time_size), in.left.size()));
  time_zone out;
  for (size_t i = 0; i < h.changes; ++i) out.changes_.push_back(in.number(time_size));
  std::vector<size_t> types;
  for (size_t i = 0; i < h.changes; ++i) types.push_back(static_cast<size_t>(in.number(1) & 255));
  std::vector<int> offsets;
  for (size_t i = 0; i < h.types; ++i) {
    offsets.push_back(static_cast<int>(in.number(4)));
    in.skip(2);
  }
  if (in.bad || !std::is_sorted(out.changes_.begin(), out.changes_.end())) return broken;
  for (auto t : types) {
    if (t >= offsets.size()) return broken;
    out.offsets_.push_back(offsets[t]);
  }
  out.first_offset_ = offsets[0];
  if (behind.starts_with('\n') && !out.follow(behind.substr(1, behind.find('\n', 1) - 1)))
    return broken;
  return out;
}

bool time_zone::follow(std::string_view text) {
  using namespace std::chrono;
  if (text.empty()) return true; // nobody knows
  auto rule = time_zone_rule::parse(text);
  if (!rule) return false;
  auto last = changes_.empty() ? sys_seconds{} : sys_seconds{seconds{changes_.back()}};
  for (auto y = year_month_day{floor<days>(last)}.year(); y <= rule_until; ++y)
    for (auto& change : rule->changes(y)) {
      if (!changes_.empty() && change.at <= changes_.back()) continue;
      changes_.push_back(change.at);
      offsets_.push_back(change.offset);
    }
  return true;
}

seconds time_zone::offset_at(int64_t at) const {
  auto next = std::upper_bound(changes_.begin(), changes_.end(), at);
  if (next == changes_.begin()) return seconds{first_offset_};
  return seconds{offsets_[static_cast<size_t>(next - changes_.begin()) - 1]};
}

std::chrono::local_seconds time_zone::to_local(std::chrono::sys_seconds at) const {
  auto utc = at.time_since_epoch();
  return std::chrono::local_seconds{utc + offset_at(utc.count())};
}

std::optional<std::chrono::sys_seconds> time_zone::next_change(std::chrono::sys_seconds at) const {
  auto next = std::upper_bound(changes_.begin(), changes_.end(), at.time_since_epoch().count());
  if (next == changes_.end()) return {};
  return std::chrono::sys_seconds{seconds{*next}};
}

} // namespace troupe::controllers
