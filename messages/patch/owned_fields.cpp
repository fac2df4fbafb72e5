#include "messages/patch/owned_fields.hpp"

#include "messages/base/json_reader.hpp"

namespace troupe::patch {

namespace {

size_t members(const field_set& set) {
  size_t count = set.self;
  for (auto& [_, below] : set.below) count += members(below);
  return count;
}

/// Members that the set and the fieldsV1 text ahead have in common, found in one pass.
size_t common_below(json::reader& in, const field_set& set) {
  size_t count = 0;
  bool any = false; // below this place; an element with nothing below is a member itself
  std::string_view key;
  in.enter_object();
  while (in.next_key(key)) {
    if (key == ".") {
      count += set.self;
      in.skip();
      continue;
    }
    any = true;
    auto hit = set.below.find(key);
    if (hit == set.below.end() || in.peek() != json::token::object)
      in.skip();
    else
      count += common_below(in, hit->second);
  }
  return any ? count : set.self;
}

} // namespace

owned_fields::owned_fields(std::string fields_v1) : text_{std::move(fields_v1)} {
  json::reader in(text_);
  bool object = in.peek() == json::token::object;
  in.skip();
  if (!object || !in.at_end() || in.failed()) text_ = "{}";
}

const field_set& owned_fields::set() const {
  if (!set_) set_ = read_fields(text_);
  return *set_;
}

size_t owned_fields::common(const field_set& other) const {
  if (other.empty()) return 0;
  if (set_) return members(intersect(*set_, other));
  json::reader in(text_);
  return in.peek() == json::token::object ? common_below(in, other) : 0;
}

void owned_fields::take(const field_set& lost) {
  if (common(lost) > 0) set_ = subtract(set(), lost);
}

void owned_fields::give(const field_set& gained) {
  if (common(gained) < members(gained)) set_ = unite(set(), gained);
}

} // namespace troupe::patch
