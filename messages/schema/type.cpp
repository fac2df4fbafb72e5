#include "messages/schema/type.hpp"

#include <algorithm>

namespace troupe::schema {

type::type() = default;
type::~type() = default;

uint32_t type::hash(std::string_view key) {
  // Length, first, middle and last characters tell Kubernetes' field names apart well enough.
  auto n = static_cast<uint32_t>(key.size());
  if (n == 0) return 0;
  auto at = [&](uint32_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(key[i])); };
  auto h = n * 0x9e3779b1u ^ at(0) * 0x85ebca6bu ^ at(n - 1) * 0xc2b2ae35u ^ at(n / 2) * 0x27d4eb2fu;
  return h ^ (h >> 15);
}

void type::seal() {
  std::vector<slot> entries;
  auto collect = [&](auto& self, const std::vector<property>& from, found at, size_t depth) -> void {
    for (auto& p : from) {
      at.field = &p;
      if (!p.inlined) {
        entries.push_back({p.name, at});
      } else if (depth < at.via.size()) {
        at.via[depth] = &p;
        self(self, p.type->properties, at, depth + 1);
        at.via[depth] = nullptr;
      }
    }
  };
  for (auto& p : properties) p.quoted = "\"" + p.name + "\":";
  collect(collect, properties, {}, 0);
  size_t size = 4;
  while (size < entries.size() * 2) size *= 2;
  slots_.assign(size, {});
  for (auto& entry : entries) {
    auto at = hash(entry.key) & (size - 1);
    while (slots_[at].value.field) at = (at + 1) & (size - 1);
    slots_[at] = entry;
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

type::found type::find(std::string_view json_name) const {
  if (slots_.empty()) return {};
  auto mask = slots_.size() - 1;
  for (auto at = hash(json_name) & mask; slots_[at].value.field; at = (at + 1) & mask)
    if (slots_[at].key == json_name) return slots_[at].value;
  return {};
}

const type* type::child(std::string_view json_name) const {
  auto hit = find(json_name);
  return hit.field ? hit.field->type : nullptr;
}

} // namespace troupe::schema
