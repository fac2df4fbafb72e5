#include "net/http/gate.hpp"

#include <array>

namespace troupe::http {

namespace {

/// What a byte may be part of, as bits.
enum : uint8_t { token_char = 1, value_char = 2, target_char = 4, host_char = 8 };

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> out{};
  for (int c = 0; c < 256; ++c) {
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    uint8_t bits = 0;
    if (alpha || digit) bits |= token_char | host_char;
    for (const char t :
         {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
      if (c == t) bits |= token_char;
    for (const char t : {'-', '.', '_', '~', ':', '[', ']', '%', '!', '$', '&', '\'', '(', ')', '*',
                         '+', ';', '='})
      if (c == t) bits |= host_char;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= value_char;
    if (c > 0x20 && c < 0x7f && c != '#') bits |= target_char;
    out[static_cast<size_t>(c)] = bits;
  }
  return out;
}
constexpr auto classes = make_classes();

bool all_of_class(std::string_view text, uint8_t bits) {
  for (const char c : text)
    if (!(classes[static_cast<unsigned char>(c)] & bits)) return false;
  return true;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f'); }

bool escapes_are_whole(std::string_view text) {
  for (size_t i = 0; (i = text.find('%', i)) != std::string_view::npos; ++i)
    if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
  return true;
}

constexpr std::string_view method_names[] = {"GET",   "HEAD",   "POST",   "PUT",
                                             "PATCH", "DELETE", "OPTIONS"};

using refused = std::optional<refusal>;

refused read_method(std::string_view name, head& out) {
  if (name.empty() || !all_of_class(name, token_char)) return refusal{400, "a malformed method"};
  for (size_t i = 0; i < method_count; ++i) {
    if (method_names[i] != name) continue;
    out.verb = static_cast<method>(i);
    return {};
  }
  if (name == "CONNECT" || name == "TRACE") return refusal{405, "this method is not allowed here"};
  return refusal{501, "an unknown method"};
}

/// The last eight bytes of a request line; decides as soon as that line is complete.
refused read_version(std::string_view line, head& out) {
  const auto version = line.size() > 9 ? line.substr(line.size() - 9) : std::string_view{};
  if (!version.starts_with(" HTTP/") || version[7] != '.' || version[6] < '0' || version[6] > '9' ||
      version[8] < '0' || version[8] > '9')
    return refusal{400, "the request line does not end in a version: HTTP/1.1 is spoken here"};
  if (version[6] != '1') return refusal{505, "only HTTP/1.1 is spoken here"};
  out.version_minor = version[8] == '0' ? 0 : 1;
  out.keep_alive = out.version_minor == 1;
  return {};
}

/// Splits `target` into path and query; an absolute form leaves its authority in `authority`.
refused read_target(std::string_view target, head& out, std::string_view& authority) {
  if (target.empty() || !all_of_class(target, target_char))
    return refusal{400, "a byte in the request target that must be escaped"};
  if (!escapes_are_whole(target))
    return refusal{400, "a % in the request target without two hexadecimal digits"};
  out.target = target;
  if (target == "*" && out.verb == method::options) {
    out.path = target;
    return {};
  }
  if (target.front() != '/') {
    const auto scheme = target.find("://");
    if (scheme == target.npos || !(same_name(target.substr(0, scheme), "http") ||
                                   same_name(target.substr(0, scheme), "https")))
      return refusal{400, "the request target is neither a path nor a URL"};
    target.remove_prefix(scheme + 3);
    authority = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(authority.size());
    if (authority.empty() || !all_of_class(authority, host_char))
      return refusal{400, "a malformed host in the request target"};
    if (target.empty() || target.front() == '?')
      return refusal{400, "the URL in the request line has no path"};
  }
  const auto question = target.find('?');
  out.path = target.substr(0, question);
  if (question != target.npos) out.query = target.substr(question + 1);
  return {};
}

refused read_request_line(std::string_view line, head& out, std::string_view& authority) {
  const auto first = line.find(' ');
  if (first == line.npos) return refusal{400, "a malformed request line"};
  // The version goes first: a client that speaks another protocol is told so.
  if (auto no = read_version(line, out)) return no;
  const auto last = line.size() - 9;
  if (last <= first) return refusal{400, "the request line has no target"};
  if (auto no = read_method(line.substr(0, first), out)) return no;
  return read_target(line.substr(first + 1, last - first - 1), out, authority);
}

refused read_length(std::string_view value, head& out) {
  if (value.empty() || value.size() > 19)
    return refusal{400, "a Content-Length that is not a number the server can hold"};
  uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return refusal{400, "a Content-Length that is not a plain number"};
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  out.body = framing::length;
  out.content_length = length;
  return {};
}

/// What has been seen while walking the header lines.
struct seen_lines {
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;
  std::string_view host;
};

refused note_header(const header& line, head& out, seen_lines& seen) {
  // Ordered by first letter and length only by the compiler; a request has a dozen lines.
  if (same_name(line.name, "host")) {
    ++seen.hosts;
    seen.host = line.value;
  } else if (same_name(line.name, "content-length")) {
    if (++seen.lengths > 1) return refusal{400, "more than one Content-Length"};
    return read_length(line.value, out);
  } else if (same_name(line.name, "transfer-encoding")) {
    if (++seen.encodings > 1) return refusal{400, "more than one Transfer-Encoding"};
    if (!same_name(line.value, "chunked"))
      return refusal{501, "a Transfer-Encoding other than chunked"};
  } else if (same_name(line.name, "connection")) {
    if (has_token(line.value, "close"))
      out.keep_alive = false;
    else if (out.version_minor == 0 && has_token(line.value, "keep-alive"))
      out.keep_alive = true;
  } else if (same_name(line.name, "expect")) {
    if (!same_name(line.value, "100-continue"))
      return refusal{417, "an expectation other than 100-continue"};
    out.expects_continue = out.version_minor == 1;
  } else if (same_name(line.name, "content-encoding")) {
    if (!line.value.empty() && !same_name(line.value, "identity"))
      return refusal{415, "request bodies must not be compressed"};
  }
  return {};
}

refused settle(head& out, const seen_lines& seen, std::string_view authority,
               const limits& bounds) {
  if (seen.hosts > 1) return refusal{400, "more than one Host"};
  if (seen.hosts == 0 && out.version_minor == 1) return refusal{400, "no Host"};
  if (!all_of_class(seen.host, host_char)) return refusal{400, "a malformed Host"};
  if (!authority.empty() && !same_name(authority, seen.host))
    return refusal{400, "the URL in the request line names another host than Host"};
  if (seen.encodings) {
    if (seen.lengths) return refusal{400, "both Transfer-Encoding and Content-Length"};
    if (out.version_minor == 0) return refusal{400, "Transfer-Encoding in HTTP/1.0"};
    out.body = framing::chunked;
  }
  if (out.content_length > bounds.body_bytes_max)
    return refusal{413, "the body is larger than the server accepts"};
  return {};
}

refused read_header_line(std::string_view line, header& out) {
  if (line.front() == ' ' || line.front() == '\t')
    return refusal{400, "a header continued on a second line"};
  const auto colon = line.find(':');
  if (colon == line.npos) return refusal{400, "a header line without a colon"};
  out.name = line.substr(0, colon);
  if (out.name.empty() || !all_of_class(out.name, token_char))
    return refusal{400, "a malformed header name"};
  out.value = trimmed(line.substr(colon + 1));
  if (!all_of_class(out.value, value_char)) return refusal{400, "a control character in a header"};
  return {};
}

} // namespace

std::string_view to_string(method verb) { return method_names[static_cast<size_t>(verb)]; }

bool same_name(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  for (size_t i = 0; i < one.size(); ++i)
    if (lower(one[i]) != lower(other[i])) return false;
  return true;
}

bool has_token(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    const auto comma = value.find(',');
    if (same_name(trimmed(value.substr(0, comma)), token)) return true;
    if (comma == value.npos) break;
    value.remove_prefix(comma + 1);
  }
  return false;
}

bool head_scanner::refuse(int status, std::string_view why) {
  refused_ = refusal{status, why};
  return true;
}

bool head_scanner::scan(std::string_view bytes, const limits& bounds) {
  if (refused_ || size_) return true;
  for (; seen_ < bytes.size(); ++seen_) {
    const char c = bytes[seen_];
    if (first_line_end_ == 0 && seen_ >= bounds.request_line_bytes_max)
      return refuse(414, "the request line is too long");
    if (first_line_end_ != 0 && seen_ - first_line_end_ >= bounds.header_bytes_max)
      return refuse(431, "the headers are too long");
    if (c == '\0') return refuse(400, "a NUL byte");
    const bool after_cr = seen_ > 0 && bytes[seen_ - 1] == '\r';
    if (c != '\n') {
      if (after_cr) return refuse(400, "a CR without LF");
      continue;
    }
    if (!after_cr) return refuse(400, "a LF without CR");
    const auto line = bytes.substr(line_start_, seen_ - 1 - line_start_);
    line_start_ = seen_ + 1;
    if (first_line_end_ == 0) {
      head ignored;
      refused_ = read_version(line, ignored);
      if (refused_) return true;
      first_line_end_ = seen_ + 1;
    } else if (line.empty()) {
      size_ = ++seen_;
      return true;
    }
  }
  return false;
}

verdict judge(std::string_view text, const limits& bounds) {
  verdict out;
  std::string_view authority;
  auto line_end = text.find("\r\n");
  out.refused = read_request_line(text.substr(0, line_end), out.accepted, authority);
  if (out.refused) return out;
  seen_lines seen;
  out.accepted.headers.reserve(16);
  for (;;) {
    text.remove_prefix(line_end + 2);
    line_end = text.find("\r\n");
    if (line_end == text.npos || line_end == 0) break;
    if (out.accepted.headers.size() == bounds.header_count_max) {
      out.refused = refusal{431, "too many headers"};
      return out;
    }
    auto& line = out.accepted.headers.emplace_back();
    out.refused = read_header_line(text.substr(0, line_end), line);
    if (!out.refused) out.refused = note_header(line, out.accepted, seen);
    if (out.refused) return out;
  }
  out.refused = settle(out.accepted, seen, authority, bounds);
  return out;
}

} // namespace troupe::http
