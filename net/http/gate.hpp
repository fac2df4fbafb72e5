// The strict gate: decides from the bytes of a request's head whether it is one unambiguous
// HTTP/1.1 request, and how its body is framed. Pure; every view points into the caller's bytes.
// Whatever two parsers could read in two ways is refused here (request smuggling lives there).
#pragma once

#include "net/http/limits.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::http {

enum class method : uint8_t { get, head, post, put, patch, delete_, options };
inline constexpr size_t method_count = 7;

std::string_view to_string(method verb);

/// One header line. The name is as the client wrote it; compare with same_name().
struct header {
  std::string_view name;
  std::string_view value;
};

/// ASCII case-insensitive equality.
bool same_name(std::string_view one, std::string_view other);

/// True if the comma-separated list `value` contains `token`, case-insensitively.
bool has_token(std::string_view value, std::string_view token);

/// How the end of the body is found.
enum class framing : uint8_t { none, length, chunked };

/// A request's head that passed the gate.
struct head {
  method verb = method::get;
  std::string_view target; ///< as sent
  std::string_view path;   ///< raw, starts with a slash (or is "*" for OPTIONS)
  std::string_view query;  ///< raw, without the question mark
  int version_minor = 1;   ///< HTTP/1.0 or HTTP/1.1
  std::vector<header> headers;
  framing body = framing::none;
  uint64_t content_length = 0;
  bool keep_alive = true;
  bool expects_continue = false;
};

/// Why a request is refused; the connection is closed after saying so.
struct refusal {
  int status = 400;
  std::string_view why; ///< static text
};

/// Finds the end of a head as its bytes arrive, refusing early what can never become one.
class head_scanner {
public:
  /// `bytes` is everything received since the head began; bytes seen before are not looked at
  /// again. Returns true once the head is complete (`size()` bytes long) or refused.
  bool scan(std::string_view bytes, const limits& bounds);
  size_t size() const { return size_; }
  const std::optional<refusal>& refused() const { return refused_; }
  void reset() { *this = {}; }

private:
  bool refuse(int status, std::string_view why);

  size_t seen_ = 0;
  size_t line_start_ = 0;
  size_t first_line_end_ = 0; ///< 0 while it is not complete
  size_t size_ = 0;
  std::optional<refusal> refused_;
};

/// Judges a complete head (up to and including the empty line). Exactly one of the two is set.
struct verdict {
  std::optional<refusal> refused;
  head accepted;
};
verdict judge(std::string_view complete_head, const limits& bounds);

} // namespace troupe::http
