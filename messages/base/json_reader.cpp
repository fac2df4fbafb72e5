#include "messages/base/json_reader.hpp"

#include "messages/base/json_marks.hpp"

namespace troupe::json {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 63));
    out += static_cast<char>(0x80 | ((c >> 6) & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

bool digit(char c) { return c >= '0' && c <= '9'; }

} // namespace

void reader::skip_spaces() {
  ++spaces_;
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

void reader::fail(const char* message) {
  if (!message_) message_ = message;
}

error reader::failure() const {
  auto where = locate({begin_, static_cast<size_t>(end_ - begin_)}, offset());
  return {errc::bad_request, std::string("invalid JSON at line ") + std::to_string(where.line) +
                                 ", column " + std::to_string(where.column) + ": " +
                                 (message_ ? message_ : "unexpected text")};
}

bool reader::descend() {
  if (++depth_ > depth_max) {
    fail("nested more than 1000 levels deep");
    return false;
  }
  ++at_;
  first_ = true;
  return true;
}

bool reader::enter_object() {
  if (peek() != token::object) {
    fail("an object was expected");
    return false;
  }
  return descend();
}

bool reader::enter_array() {
  if (peek() != token::array) {
    fail("an array was expected");
    return false;
  }
  return descend();
}

bool reader::next_key(std::string_view& key) {
  if (failed()) return false;
  skip_space();
  if (at_ < end_ && *at_ == '}') {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (at_ == end_ || *at_ != ',') {
      fail("a comma or a closing brace was expected");
      return false;
    }
    ++at_;
    skip_space();
  }
  first_ = false;
  if (at_ == end_ || *at_ != '"') {
    fail("a key in double quotes was expected");
    return false;
  }
  key = read_quoted();
  if (failed()) return false;
  skip_space();
  if (at_ == end_ || *at_ != ':') {
    fail("a colon was expected after a key");
    return false;
  }
  ++at_;
  return true;
}

bool reader::next_element() {
  if (failed()) return false;
  skip_space();
  if (at_ < end_ && *at_ == ']') {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (at_ == end_ || *at_ != ',') {
      fail("a comma or a closing bracket was expected");
      return false;
    }
    ++at_;
  }
  first_ = false;
  if (peek() != token::none) return true;
  fail("a value was expected");
  return false;
}

std::string_view reader::read_string() {
  if (peek() != token::string) {
    fail("a string was expected");
    return {};
  }
  return read_quoted();
}

/// A string whose opening quote comes next.
std::string_view reader::read_quoted() {
  auto start = ++at_;
  auto p = start;
  for (;;) {
    while (end_ - p >= plain_step) {
      auto plain = plain_characters(p);
      p += plain;
      if (plain < plain_step) break;
    }
    if (p == end_) {
      fail("a string does not end");
      return {};
    }
    auto c = static_cast<unsigned char>(*p);
    if (c == '"') {
      at_ = p + 1;
      return {start, static_cast<size_t>(p - start)};
    }
    if (c == '\\') {
      at_ = p;
      return read_escaped_string(start);
    }
    if (c < 0x20) {
      at_ = p;
      fail("a control character stands unescaped in a string");
      return {};
    }
    if (c < 0x80) {
      ++p;
    } else if (!read_utf8(p)) {
      at_ = p;
      fail("a string is not valid UTF-8");
      return {};
    }
  }
}

/// Advances `p` over one multi-byte character; false if it is malformed, overlong or a surrogate.
bool reader::read_utf8(const char*& p) {
  auto byte = [&](int i) { return static_cast<unsigned char>(p[i]); };
  auto more = [&](int i) { return end_ - p > i && (byte(i) & 0xc0) == 0x80; };
  auto c = byte(0);
  if (c >= 0xc2 && c <= 0xdf && more(1)) {
    p += 2;
  } else if (c >= 0xe0 && c <= 0xef && more(1) && more(2)) {
    if ((c == 0xe0 && byte(1) < 0xa0) || (c == 0xed && byte(1) > 0x9f)) return false;
    p += 3;
  } else if (c >= 0xf0 && c <= 0xf4 && more(1) && more(2) && more(3)) {
    if ((c == 0xf0 && byte(1) < 0x90) || (c == 0xf4 && byte(1) > 0x8f)) return false;
    p += 4;
  } else {
    return false;
  }
  return true;
}

/// The slow path: `at_` is at the first backslash of the string that began at `start`.
std::string_view reader::read_escaped_string(const char* start) {
  buffer_.assign(start, at_);
  while (at_ < end_) {
    auto c = static_cast<unsigned char>(*at_);
    if (c == '"') {
      ++at_;
      return buffer_;
    }
    if (c == '\\') {
      if (!read_escape()) return {};
    } else if (c < 0x20) {
      fail("a control character stands unescaped in a string");
      return {};
    } else if (c < 0x80) {
      buffer_ += static_cast<char>(c);
      ++at_;
    } else {
      auto first = at_;
      if (!read_utf8(at_)) {
        fail("a string is not valid UTF-8");
        return {};
      }
      buffer_.append(first, at_);
    }
  }
  fail("a string does not end");
  return {};
}

bool reader::read_escape() {
  auto bad = [&] {
    fail("an escape sequence in a string is malformed");
    return false;
  };
  auto unit = [&](uint32_t& out) {
    if (end_ - at_ < 6 || at_[0] != '\\' || at_[1] != 'u') return false;
    out = 0;
    for (int i = 2; i < 6; ++i) {
      auto digit = hex(at_[i]);
      if (digit < 0) return false;
      out = out * 16 + static_cast<uint32_t>(digit);
    }
    at_ += 6;
    return true;
  };
  if (end_ - at_ < 2) return bad();
  switch (at_[1]) {
  case '"': buffer_ += '"'; break;
  case '\\': buffer_ += '\\'; break;
  case '/': buffer_ += '/'; break;
  case 'b': buffer_ += '\b'; break;
  case 'f': buffer_ += '\f'; break;
  case 'n': buffer_ += '\n'; break;
  case 'r': buffer_ += '\r'; break;
  case 't': buffer_ += '\t'; break;
  case 'u': {
    uint32_t high = 0;
    if (!unit(high)) return bad();
    if (high >= 0xdc00 && high < 0xe000) return bad();
    if (high >= 0xd800 && high < 0xdc00) {
      uint32_t low = 0;
      if (!unit(low) || low < 0xdc00 || low > 0xdfff) return bad();
      high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(buffer_, high);
    return true;
  }
  default: return bad();
  }
  at_ += 2;
  return true;
}

number reader::read_number() {
  if (peek() != token::number) {
    fail("a number was expected");
    return {};
  }
  auto start = at_;
  bool integral = true;
  auto digits = [&] {
    auto first = at_;
    while (at_ < end_ && digit(*at_)) ++at_;
    return at_ > first;
  };
  if (*at_ == '-') ++at_;
  bool ok = at_ < end_ && (*at_ == '0' ? (++at_, true) : digits());
  if (ok && at_ < end_ && *at_ == '.') {
    ++at_;
    integral = false;
    ok = digits();
  }
  if (ok && at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    integral = false;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    ok = digits();
  }
  if (!ok || (at_ < end_ && (digit(*at_) || *at_ == '.' || *at_ == '-'))) {
    fail("a number is malformed");
    return {};
  }
  return {{start, static_cast<size_t>(at_ - start)}, integral};
}

bool reader::expect(std::string_view word) {
  if (static_cast<size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) {
    fail("a value was expected");
    return false;
  }
  at_ += word.size();
  return true;
}

bool reader::read_boolean() {
  if (peek() != token::boolean) {
    fail("true or false was expected");
    return false;
  }
  bool value = *at_ == 't';
  return expect(value ? "true" : "false") && value;
}

void reader::read_null() {
  if (peek() != token::null) return fail("null was expected");
  expect("null");
}

std::string_view reader::skip() {
  skip_space();
  auto start = at_;
  auto outer = depth_;
  // Iterative, so that depth costs no stack: `open` remembers what each level is.
  std::string open;
  do {
    if (!open.empty()) {
      std::string_view key;
      bool more = open.back() == '{' ? next_key(key) : next_element();
      if (failed()) return {};
      if (!more) {
        open.pop_back();
        continue;
      }
    }
    switch (peek()) {
    case token::object:
      if (enter_object()) open += '{';
      break;
    case token::array:
      if (enter_array()) open += '[';
      break;
    case token::string: read_string(); break;
    case token::number: read_number(); break;
    case token::boolean: read_boolean(); break;
    case token::null: read_null(); break;
    case token::none: fail("a value was expected"); break;
    }
    if (failed()) return {};
  } while (!open.empty() || depth_ > outer);
  return {start, static_cast<size_t>(at_ - start)};
}

bool reader::at_end() {
  if (failed()) return false;
  skip_space();
  return at_ == end_;
}

position locate(std::string_view text, size_t offset) {
  position at{1, 1};
  for (auto c : text.substr(0, offset)) {
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
  }
  return at;
}

} // namespace troupe::json
