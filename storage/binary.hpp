// Little-endian numbers and length-prefixed bytes in strings: how every file of storage is encoded.
// The reader checks every length against what is left; one failed read makes all later ones fail.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace troupe::storage {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

template<class Number>
requires std::is_unsigned_v<Number>
void put_number(std::string& out, Number value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Overwrites the number at `offset`, which must exist.
template<class Number>
requires std::is_unsigned_v<Number>
void set_number(std::string& out, size_t offset, Number value) {
  std::memcpy(out.data() + offset, &value, sizeof value);
}

/// Big-endian, so that keys sort as their numbers do.
inline void put_sortable(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

inline uint64_t get_sortable(std::string_view in) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8 && i < in.size(); ++i) value = value << 8 | static_cast<uint8_t>(in[i]);
  return value;
}

/// Reads what put_number wrote. Check ok() before trusting what was read.
class binary_reader {
public:
  explicit binary_reader(std::string_view in) : in_{in} {}

  template<class Number>
  requires std::is_unsigned_v<Number> Number number() {
    Number value = 0;
    auto from = bytes(sizeof value);
    if (from.size() == sizeof value) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }

  std::string_view bytes(size_t size) {
    if (!ok_ || size > in_.size()) {
      ok_ = false;
      return {};
    }
    auto out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }

  std::string_view rest() const { return in_; }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && in_.empty(); }

private:
  std::string_view in_;
  bool ok_ = true;
};

} // namespace troupe::storage
