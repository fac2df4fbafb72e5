// The target of a request taken apart: percent-decoding, path segments, query parameters. Pure.
#pragma once

#include "messages/base/error.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

/// `text` with each %XX replaced by its byte, and with `+` as a space where `plus_is_space`.
/// Fails on a broken escape.
result<std::string> percent_decoded(std::string_view text, bool plus_is_space = false);

/// `text` with everything but unreserved characters escaped, for one path segment or query value.
std::string percent_encoded(std::string_view text);

/// The decoded segments of an absolute path: `/api/v1/` is {"api", "v1"}. Empty segments in the
/// middle, NUL bytes, `.` and `..` (escaped or not) are refused; an escaped slash stays inside its
/// segment.
result<std::vector<std::string>> path_segments(std::string_view path);

/// Query parameters in the order they came, keys may repeat. Broken escapes fail.
class query {
public:
  using item = std::pair<std::string, std::string>;

  static result<query> parse(std::string_view text);

  /// The first value of `key`, empty when absent.
  std::string_view get(std::string_view key) const;
  bool has(std::string_view key) const;
  /// All values of `key`, in order.
  std::vector<std::string_view> all(std::string_view key) const;
  const std::vector<item>& items() const { return items_; }

private:
  std::vector<item> items_;
};

} // namespace troupe::http
