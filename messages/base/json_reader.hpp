// Reads JSON text token by token, strictly (RFC 8259, UTF-8 checked, depth bounded), without
// building a tree. Both the typed codec and the tree in json.hpp are written on top of it.
#pragma once

#include "messages/base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe::json {

/// How deep arrays and objects may nest: deeper is an attack or a mistake.
constexpr int depth_max = 1'000;

enum class token : uint8_t { object, array, string, number, boolean, null, none };

/// A number as it was written, split no further than needed.
struct number {
  std::string_view text;
  bool integral; ///< neither fraction nor exponent
};

/// A cursor over one JSON text. Any syntax error makes failed() true for good; reads after that
/// return empty values, so callers may check once per value instead of once per token.
class reader {
public:
  explicit reader(std::string_view text)
      : begin_{text.data()}, at_{text.data()}, end_{text.data() + text.size()} {}

  /// What comes next; `none` at the end or after a failure.
  token peek() {
    if (failed()) return token::none;
    skip_space();
    if (at_ == end_) return token::none;
    auto what = first_of[static_cast<unsigned char>(*at_)];
    if (what == token::none) fail("a value was expected");
    return what;
  }

  /// Enters `{`; then next_key() yields each key until it returns false behind `}`.
  bool enter_object();
  bool next_key(std::string_view& key);
  /// Steps over the next key if it is written exactly as `,"name":`, at the object's beginning
  /// without the comma.
  bool next_key_is(std::string_view comma_key) {
    comma_key.remove_prefix(first_);
    if (failed() || static_cast<size_t>(end_ - at_) < comma_key.size() ||
        !same_text(at_, comma_key.data(), comma_key.size()))
      return false;
    at_ += comma_key.size();
    first_ = false;
    return true;
  }
  /// Enters `[`; then next_element() says whether a value follows until it returns false behind
  /// `]`.
  bool enter_array();
  bool next_element();

  /// A string's value: a view into the text, or into an internal buffer that the next read reuses.
  std::string_view read_string();
  number read_number();
  bool read_boolean();
  void read_null();
  /// Skips one value of any kind, checking it, and returns its text.
  std::string_view skip();

  /// True if only white space is left.
  bool at_end();

  bool failed() const { return message_ != nullptr; }
  /// How often white space between tokens has been passed over so far.
  size_t spaces() const { return spaces_; }
  /// Whether `text` is a part of what is read, rather than of the buffer that the next read reuses.
  bool owns(std::string_view text) const { return text.data() >= begin_ && text.data() <= end_; }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  /// The failure as a bad_request with line and column.
  error failure() const;
  void fail(const char* message);

private:
  /// What begins with each character.
  static constexpr auto first_of = [] {
    std::array<token, 256> table{};
    table.fill(token::none);
    table['{'] = token::object;
    table['['] = token::array;
    table['"'] = token::string;
    table['t'] = table['f'] = token::boolean;
    table['n'] = token::null;
    table['-'] = token::number;
    for (auto c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = token::number;
    return table;
  }();

  /// Whether both hold the same `size` characters, four at least; keys are too short for a call.
  static bool same_text(const char* a, const char* b, size_t size) {
    auto differ = [&]<class Word>(Word, size_t at) {
      Word x, y;
      memcpy(&x, a + at, sizeof x);
      memcpy(&y, b + at, sizeof y);
      return x != y;
    };
    if (size < 8) return !differ(uint32_t{}, 0) && !differ(uint32_t{}, size - 4);
    for (size_t at = 0; at + 8 < size; at += 8)
      if (differ(uint64_t{}, at)) return false;
    return !differ(uint64_t{}, size - 8);
  }

  std::string_view read_quoted();
  void skip_space() {
    if (at_ < end_ && static_cast<unsigned char>(*at_) <= ' ') skip_spaces();
  }
  void skip_spaces();
  bool read_escape();
  bool read_utf8(const char*& p);
  std::string_view read_escaped_string(const char* start);
  bool expect(std::string_view word);
  bool descend();

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* message_ = nullptr;
  int depth_ = 0;
  size_t spaces_ = 0;
  bool first_ = false; // just entered an object or array
  std::string buffer_;
};

/// Line and column of `offset`, both from 1.
struct position {
  size_t line;
  size_t column;
};
position locate(std::string_view text, size_t offset);

} // namespace troupe::json
