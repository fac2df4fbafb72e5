// Passes one request on to another HTTP server and its answer back as it comes: bodies of any
// length, and connections that leave HTTP (WebSocket, SPDY). Nothing is kept and nothing retried.
#pragma once

#include "net/http/request.hpp"
#include "net/http/responder.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>

namespace troupe::http {

struct forward_target {
  std::string ip;
  uint16_t port = 0;
  bool tls = false; ///< without looking at the certificate: addresses of pods prove nothing
  std::string path; ///< with its query, as it is sent
  header_list more; ///< headers besides the request's own
  std::chrono::milliseconds connect_patience{10'000};
};

/// An answer of ours, because the other server gave none, carries this header.
inline constexpr const char* not_forwarded_header = "X-Troupe-Not-Forwarded";

/// Headers that concern one connection only, and those that prove who the client is: never passed
/// on. `name` in any case.
bool stays_here(std::string_view name);

/// Asks `target` on the loop's threads, of which there is one. Any thread may call.
void forward(boost::asio::io_context& loop, forward_target target, const request& what,
             responder answer);

/// The head of an answer. Pure.
struct answer_head {
  int status = 0;
  header_list headers;
  bool chunked = false;
  std::optional<uint64_t> length;
};
/// Reads a head up to and without its empty line. bad_request if it is none.
result<answer_head> read_answer_head(std::string_view text);

} // namespace troupe::http
