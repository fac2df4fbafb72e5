#include "storage/index.hpp"

#include "storage/binary.hpp"

#include <algorithm>

namespace troupe::storage {

namespace {

constexpr size_t index_pairs_max = 65'535;
constexpr size_t index_text_bytes_max = 65'535;

bool fits(const object_index::pairs& pairs) {
  return pairs.size() <= index_pairs_max && std::ranges::all_of(pairs, [](auto& pair) {
           return pair.first.size() <= index_text_bytes_max &&
                  pair.second.size() <= index_text_bytes_max;
         });
}

} // namespace

std::optional<std::string_view> index_view::find(int wanted, std::string_view name) const {
  std::optional<std::string_view> found;
  walk([&](int part, std::string_view candidate, std::string_view value) {
    if (part == wanted && candidate == name) found = value;
    return !found && part <= wanted;
  });
  return found;
}

object_index index_view::unpack() const {
  object_index out;
  walk([&](int part, std::string_view name, std::string_view value) {
    (part == 0 ? out.labels : out.fields).emplace_back(name, value);
    return true;
  });
  return out;
}

bool index_view::well_formed(std::string_view packed) {
  if (packed.empty()) return true;
  binary_reader in{packed};
  size_t pairs = in.number<uint16_t>();
  pairs += in.number<uint16_t>();
  for (; pairs > 0 && in.ok(); --pairs) {
    size_t name_size = in.number<uint16_t>();
    size_t value_size = in.number<uint16_t>();
    in.bytes(name_size + value_size);
  }
  return in.done();
}

result<std::string> pack(object_index index) {
  if (index.labels.empty() && index.fields.empty()) return std::string{};
  if (!fits(index.labels) || !fits(index.fields))
    return error{errc::too_large, "a label or indexed field is larger than 65535 bytes"};
  size_t size = 2 * sizeof(uint16_t);
  for (auto* pairs : {&index.labels, &index.fields})
    for (auto& [name, value] : *pairs) size += 2 * sizeof(uint16_t) + name.size() + value.size();
  std::string out;
  out.reserve(size);
  put_number(out, static_cast<uint16_t>(index.labels.size()));
  put_number(out, static_cast<uint16_t>(index.fields.size()));
  for (auto* pairs : {&index.labels, &index.fields}) {
    std::ranges::sort(*pairs);
    for (auto& [name, value] : *pairs) {
      put_number(out, static_cast<uint16_t>(name.size()));
      put_number(out, static_cast<uint16_t>(value.size()));
      out += name;
      out += value;
    }
  }
  return out;
}

} // namespace troupe::storage
