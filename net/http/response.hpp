// What goes back to a client: status, headers, and a body of shared immutable buffers that are sent
// as they are, to as many clients as want them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

/// Bytes that never change, owned by everybody who sends them.
using bytes = std::shared_ptr<const std::string>;
inline bytes share(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

using header_list = std::vector<std::pair<std::string, std::string>>;

struct response {
  int status = 200;
  header_list headers; ///< without Content-Length, Transfer-Encoding, Connection and Date
  std::vector<bytes> body;
};

/// A body of one buffer.
response answer(int status, std::string content_type, std::string body);
/// `<status> <reason>: <why>` as plain text.
response plain_answer(int status, std::string_view why);
/// 429, and when to come back.
response too_many_requests(int retry_after_seconds, std::string_view why);

/// "Not Found" and so on; "Status" for what has no name.
std::string_view reason_of(int status);

/// How an answer is framed on its connection.
struct answer_frame {
  bool keep_alive = true;
  bool http_1_0 = false; ///< a keep-alive must be said
  bool chunked = false;  ///< else by length, or by close when `until_close`
  bool until_close = false;
  bool upgrade = false; ///< 101: Connection comes from the caller's headers
  size_t body_bytes = 0;
};

/// Appends the head of an answer to `out`. Control characters in header values become spaces.
void write_head(std::string& out, int status, const header_list& headers,
                const answer_frame& frame);

/// The Date header's value for now, remade once a second.
std::string_view date_now();

/// True if an answer of this status has no body at all.
bool bodiless(int status);

} // namespace troupe::http
