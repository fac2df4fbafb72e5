// The small index that a writer hands over with an object: the labels and the few fields that
// selectors ask for, packed into one string so that it costs little and is compared without
// decoding.
#pragma once

#include "messages/base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::storage {

/// What the writer knows about an object besides its bytes. Sorted by name when packed.
struct object_index {
  using pairs = std::vector<std::pair<std::string, std::string>>;
  pairs labels; ///< metadata.labels
  pairs fields; ///< metadata.name, spec.nodeName, status.phase, ... as selectors spell them

  bool operator==(const object_index&) const = default;
};

/// A packed index: a view into the memory of an entry. The format is permanent
/// (docs/storage-format.md): u16 labels, u16 fields, then u16 size of name, u16 size of value,
/// both.
class index_view {
public:
  index_view() = default;
  explicit index_view(std::string_view packed) : packed_{packed} {}

  std::optional<std::string_view> label(std::string_view name) const { return find(0, name); }
  std::optional<std::string_view> field(std::string_view name) const { return find(1, name); }

  /// Calls `visit(name, value)` for each label, in the order of names.
  template<class Visit> void labels(Visit visit) const {
    walk([&](int part, std::string_view name, std::string_view value) {
      if (part == 0) visit(name, value);
      return part == 0;
    });
  }

  std::string_view packed() const { return packed_; }
  object_index unpack() const;

  /// Whether the packed bytes keep to the format; views are only made of bytes that do.
  static bool well_formed(std::string_view packed);

private:
  template<class Visit> void walk(Visit visit) const;
  std::optional<std::string_view> find(int wanted, std::string_view name) const;

  std::string_view packed_;
};

/// Packs `index`, sorted. Fails with errc::too_large when a name or value exceeds 65,535 bytes.
result<std::string> pack(object_index index);

template<class Visit> void index_view::walk(Visit visit) const {
  if (packed_.size() < 4) return;
  auto u16 = [](const char* p) {
    return static_cast<size_t>(static_cast<uint8_t>(p[0]) | static_cast<uint8_t>(p[1]) << 8);
  };
  auto p = packed_.data();
  const size_t counts[] = {u16(p), u16(p + 2)};
  p += 4;
  for (int part = 0; part < 2; ++part)
    for (size_t i = 0; i < counts[part]; ++i) {
      auto name_size = u16(p), value_size = u16(p + 2);
      p += 4;
      if (!visit(part, std::string_view{p, name_size}, std::string_view{p + name_size, value_size}))
        return;
      p += name_size + value_size;
    }
}

} // namespace troupe::storage
