#include "messages/schema/type.hpp"

#include <algorithm>
#include <cstring>

namespace troupe::schema {

type::type() = default;
type::~type() = default;

void type::seal() {
  std::vector<found> entries;
  auto collect = [&](auto& self, const std::vector<property>& from, found at,
                     size_t depth) -> void {
    for (auto& p : from) {
      at.field = &p;
      if (!p.inlined) {
        entries.push_back(at);
      } else if (depth < at.via.size()) {
        at.via[depth] = &p;
        self(self, p.type->properties, at, depth + 1);
        at.via[depth] = nullptr;
      }
    }
  };
  seal_properties();
  collect(collect, properties, {}, 0);
  size_t size = 4;
  while (size < entries.size() * 2) size *= 2;
  slots_ = std::vector<slot>(size);
  for (auto& entry : entries) {
    std::string_view key = entry.field->name;
    words ends(key);
    auto at = ends.hash(key.size()) & (size - 1);
    while (slots_[at].value.field) at = (at + 1) & (size - 1);
    slots_[at].key = key;
    slots_[at].ends = ends;
    static_cast<found&>(slots_[at].value) = entry;
  }
  uint32_t highest = 0;
  for (auto& p : properties) highest = std::max(highest, p.number);
  numbers_.assign(highest + 1, nullptr);
  for (auto& p : properties)
    if (p.number) numbers_[p.number] = &p;
  written_empty_.clear();
  wired_empty_.clear();
  for (auto& p : properties) {
    if (p.always || p.inlined) written_empty_.push_back(&p);
    if (p.zero) wired_empty_.push_back(&p);
  }
}

void type::seal_properties() {
  std::vector<size_t> ends;
  keys_.clear();
  for (auto& p : properties) {
    keys_.append(",\"").append(p.name).append("\":");
    ends.push_back(keys_.size());
  }
  keys_.append(key_step, '\0');
  size_t from = 0, i = 0;
  for (auto& p : properties) {
    p.key = keys_.data() + from;
    p.key_size = static_cast<uint32_t>(ends[i] - from);
    from = ends[i++];
    p.what = p.type->what;
    p.value = p.type->element ? p.type->element : p.type;
  }
}

const type::step* type::look_up(std::string_view json_name) const {
  if (slots_.empty()) return nullptr;
  auto mask = slots_.size() - 1;
  words ends(json_name);
  auto n = json_name.size();
  for (auto at = ends.hash(n) & mask; slots_[at].value.field; at = (at + 1) & mask) {
    auto& s = slots_[at];
    if (s.ends == ends && s.key.size() == n && (n <= 16 || s.key == json_name)) return &s.value;
  }
  return nullptr;
}

const type* type::child(std::string_view json_name) const {
  auto hit = find(json_name);
  return hit.field ? hit.field->type : nullptr;
}

} // namespace troupe::schema
