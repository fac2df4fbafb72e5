// The few Protobuf wire forms that the codecs read and write themselves.
#pragma once

#include "messages/codec/sink.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe::codec::wire {

enum type : uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// Room for a tag and a number.
constexpr size_t varint_max = 10;

inline char* write_varint(char* out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) *out++ = static_cast<char>(v | 0x80);
  *out++ = static_cast<char>(v);
  return out;
}

inline char* write_tag(char* out, uint32_t number, type t) {
  return write_varint(out, number << 3 | t);
}

inline void put_varint(std::string& out, uint64_t v) {
  char buffer[varint_max];
  out.append(buffer, static_cast<size_t>(write_varint(buffer, v) - buffer));
}

inline void put_tag(std::string& out, uint32_t number, type t) { put_varint(out, number << 3 | t); }

inline void put_int(std::string& out, uint32_t number, int64_t v) {
  char buffer[2 * varint_max];
  auto end = write_varint(write_tag(buffer, number, varint), static_cast<uint64_t>(v));
  out.append(buffer, static_cast<size_t>(end - buffer));
}

inline void put_bytes(std::string& out, uint32_t number, std::string_view v) {
  char buffer[2 * varint_max];
  auto end = write_varint(write_tag(buffer, number, bytes), v.size());
  out.append(buffer, static_cast<size_t>(end - buffer));
  out.append(v);
}

inline void put_double(std::string& out, uint32_t number, double v) {
  put_tag(out, number, fixed64);
  char raw[8];
  memcpy(raw, &v, 8);
  out.append(raw, 8);
}

/// Opens a length-delimited field; close() puts the length in when the content is written.
inline size_t open(std::string& out, uint32_t number) {
  char buffer[varint_max + 1];
  auto end = write_tag(buffer, number, bytes);
  *end++ = '\0';
  out.append(buffer, static_cast<size_t>(end - buffer));
  return out.size();
}

inline void close(std::string& out, size_t start) {
  auto size = out.size() - start;
  if (size < 0x80) {
    out[start - 1] = static_cast<char>(size);
    return;
  }
  char length[varint_max];
  auto bytes = static_cast<size_t>(write_varint(length, size) - length);
  out[start - 1] = length[0];
  out.insert(start, length + 1, bytes - 1);
}

// The same into a sink, whose room is checked once for each field.

inline void put_int(sink& out, uint32_t number, int64_t v) {
  auto at = write_tag(out.room(2 * varint_max), number, varint);
  out.used(write_varint(at, static_cast<uint64_t>(v)));
}

inline void put_bytes(sink& out, uint32_t number, std::string_view v) {
  auto at = write_tag(out.room(2 * varint_max + v.size()), number, bytes);
  at = write_varint(at, v.size());
  if (!v.empty()) memcpy(at, v.data(), v.size()); // an empty view may point nowhere
  out.used(at + v.size());
}

inline void put_double(sink& out, uint32_t number, double v) {
  auto at = write_tag(out.room(varint_max + sizeof v), number, fixed64);
  memcpy(at, &v, sizeof v);
  out.used(at + sizeof v);
}

inline size_t open(sink& out, uint32_t number) {
  auto at = write_tag(out.room(varint_max + 1), number, bytes);
  *at++ = '\0';
  out.used(at);
  return out.size();
}

inline void close(sink& out, size_t start) {
  char length[varint_max];
  auto used = static_cast<size_t>(write_varint(length, out.size() - start) - length);
  auto at = used > 1 ? out.insert(start, used - 1) : out.room(0) - (out.size() - start);
  memcpy(at - 1, length, used);
}

/// Walks the fields of one message. Malformed input ends the walk and sets `bad`.
class reader {
public:
  explicit reader(std::string_view data) : at_{data.data()}, end_{data.data() + data.size()} {}

  uint32_t number = 0;
  uint32_t what = 0;     ///< a wire type
  uint64_t value = 0;    ///< of a varint, or the bits of a fixed number
  std::string_view data; ///< of a length-delimited field
  bool bad = false;

  /// Steps to the next field; false at the end.
  bool next() {
    start_ = at_;
    if (at_ == end_ || bad) return false;
    uint64_t tag = 0;
    if (!read(tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return fail();
    value = 0;
    data = {};
    number = static_cast<uint32_t>(tag >> 3);
    what = static_cast<uint32_t>(tag & 7);
    switch (what) {
    case varint: return read(value) || fail();
    case fixed64: return read_fixed(8);
    case fixed32: return read_fixed(4);
    case bytes: {
      uint64_t size = 0;
      if (!read(size) || size > static_cast<uint64_t>(end_ - at_)) return fail();
      data = {at_, static_cast<size_t>(size)};
      at_ += size;
      return true;
    }
    default: return fail();
    }
  }

  double real() const {
    double v;
    memcpy(&v, &value, 8);
    return v;
  }

  /// The current field as it stands in the input, tag included.
  std::string_view whole() const { return {start_, static_cast<size_t>(at_ - start_)}; }

private:
  bool fail() {
    bad = true;
    return false;
  }

  bool read(uint64_t& v) {
    if (at_ < end_ && static_cast<unsigned char>(*at_) < 0x80) { // nearly always
      v = static_cast<unsigned char>(*at_++);
      return true;
    }
    v = 0;
    for (int shift = 0; at_ < end_ && shift < 70; shift += 7) {
      auto byte = static_cast<unsigned char>(*at_++);
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool read_fixed(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) return fail();
    value = 0;
    memcpy(&value, at_, size);
    at_ += size;
    return true;
  }

  const char* start_ = nullptr;
  const char* at_;
  const char* end_;
};

/// Whether `field`, one whole field of a scalar type, holds zero, false or an empty text.
inline bool is_zero(std::string_view field) {
  if (field.empty() || field.back()) return false; // nearly always
  reader in(field);
  return in.next() && in.value == 0 && in.data.empty();
}

} // namespace troupe::codec::wire
