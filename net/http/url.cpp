#include "net/http/url.hpp"

namespace troupe::http {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

} // namespace

result<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return error{errc::bad_request, "a % in the URL is not followed by two hexadecimal digits"};
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (unreserved(c)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

result<std::vector<std::string>> path_segments(std::string_view path) {
  if (path.empty() || path.front() != '/')
    return error{errc::bad_request, "the path does not start with a slash"};
  path.remove_prefix(1);
  std::vector<std::string> out;
  while (!path.empty()) {
    const auto slash = path.find('/');
    auto segment = percent_decoded(path.substr(0, slash));
    if (!segment) return segment.error();
    if (segment->empty()) return error{errc::bad_request, "the path has an empty segment"};
    if (*segment == "." || *segment == "..")
      return error{errc::bad_request, "the path may not contain . or .. segments"};
    if (segment->find('\0') != std::string::npos)
      return error{errc::bad_request, "the path contains a NUL byte"};
    out.push_back(std::move(*segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return out;
}

result<query> query::parse(std::string_view text) {
  query out;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto key = percent_decoded(pair.substr(0, equals), true);
    if (!key) return key.error();
    auto value = equals == std::string_view::npos ? result<std::string>{std::string{}}
                                                  : percent_decoded(pair.substr(equals + 1), true);
    if (!value) return value.error();
    out.items_.emplace_back(std::move(*key), std::move(*value));
  }
  return out;
}

std::string_view query::get(std::string_view key) const {
  for (const auto& [k, v] : items_)
    if (k == key) return v;
  return {};
}

bool query::has(std::string_view key) const {
  for (const auto& [k, v] : items_)
    if (k == key) return true;
  return false;
}

std::vector<std::string_view> query::all(std::string_view key) const {
  std::vector<std::string_view> out;
  for (const auto& [k, v] : items_)
    if (k == key) out.push_back(v);
  return out;
}

} // namespace troupe::http
