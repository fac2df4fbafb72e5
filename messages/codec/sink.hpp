// Where encoders write: the end of a string, with room made in large steps, so that a character
// costs a store and not a call.
#pragma once

#include "messages/base/json_marks.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe::codec {

/// Appends to a string, which is complete when finish() was called or the sink is gone.
class sink {
public:
  explicit sink(std::string& out, size_t expected = 0) : out_{out}, start_{out.size()} {
    out_.resize(start_ + std::max(expected, room_least));
    at_ = out_.data() + start_;
    end_ = out_.data() + out_.size();
  }
  ~sink() { finish(); }
  sink(const sink&) = delete;

  /// Cuts the string to what was written.
  void finish() { out_.resize(size()); }

  void operator+=(char c) {
    if (at_ == end_) grow(1);
    *at_++ = c;
  }
  void operator+=(std::string_view text) {
    if (static_cast<size_t>(end_ - at_) < text.size()) grow(text.size());
    memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  /// Appends `size` bytes behind which `step` more may be read, in whole steps.
  template<size_t step> void stepped(const char* text, size_t size) {
    auto at = room(size + step);
    for (size_t i = 0; i < size; i += step) memcpy(at + i, text + i, step);
    at_ = at + size;
  }

  /// A place for up to `size` characters; `used` says where they end.
  char* room(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) grow(size);
    return at_;
  }
  void used(char* end) { at_ = end; }

  /// What was written behind `from`, a size() of earlier.
  size_t size() const { return static_cast<size_t>(at_ - out_.data()); }
  std::string_view since(size_t from) const { return {out_.data() + from, size() - from}; }
  void cut(size_t size) { at_ = out_.data() + size; }
  /// Makes a gap of `bytes` at `place`.
  char* insert(size_t place, size_t bytes) {
    room(bytes);
    auto gap = out_.data() + place;
    memmove(gap + bytes, gap, static_cast<size_t>(at_ - gap));
    at_ += bytes;
    return gap;
  }

  /// `text` in quotes, escaped as JSON requires: copied eight bytes at a time as long as nothing
  /// is.
  void quoted(std::string_view text) {
    constexpr size_t escape_max = 6;
    auto at = room(text.size() + 2 + 8);
    *at++ = '"';
    auto from = text.data(), last = from + text.size();
    while (true) {
      uint64_t word;
      while (last - from >= 8) {
        memcpy(&word, from, 8);
        memcpy(at, &word, 8);
        auto marks = json::escape_marks(word);
        if (!marks) {
          from += 8, at += 8;
          continue;
        }
        auto clean = std::countr_zero(marks) / 8;
        from += clean, at += clean;
        break;
      }
      if (from == last) break;
      auto c = static_cast<unsigned char>(*from++);
      if (c >= 0x20 && c != '"' && c != '\\') {
        *at++ = static_cast<char>(c);
        continue;
      }
      at_ = at;
      at = room(escape_max + static_cast<size_t>(last - from) + 2 + 8);
      at = escape(at, c);
    }
    *at++ = '"';
    at_ = at;
  }

private:
  static constexpr size_t room_least = 256;

  static char* escape(char* at, unsigned char c) {
    constexpr char digits[] = "0123456789abcdef";
    *at++ = '\\';
    switch (c) {
    case '"':
    case '\\': *at++ = static_cast<char>(c); return at;
    case '\n': *at++ = 'n'; return at;
    case '\r': *at++ = 'r'; return at;
    case '\t': *at++ = 't'; return at;
    default:
      memcpy(at, "u00", 3);
      at[3] = digits[c >> 4];
      at[4] = digits[c & 15];
      return at + 5;
    }
  }

  void grow(size_t more) {
    auto used = static_cast<size_t>(at_ - out_.data());
    out_.resize(std::max(used + more + room_least, out_.size() * 2));
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }

  std::string& out_;
  size_t start_;
  char* at_;
  char* end_;
};

} // namespace troupe::codec
