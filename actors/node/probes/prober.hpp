// Asking a container how it is: over HTTP, TCP and gRPC, from the node, without blocking. One
// question, one answer, within its time.
#pragma once

#include "messages/base/error.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace troupe::node {

struct http_question {
  std::string host; ///< an address or a name
  uint16_t port = 80;
  std::string path = "/";
  bool tls = false;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct probe_answer {
  bool success = false;
  std::string output; ///< what is told when it has failed
};
using on_answer = std::function<void(probe_answer)>;

/// A status from 200 to 399 is good. Redirects are not followed, certificates not checked.
void ask_http(boost::asio::io_context& on, const http_question& what,
              std::chrono::milliseconds patience, on_answer done);
/// Whether somebody accepts a connection.
void ask_tcp(boost::asio::io_context& on, const std::string& host, uint16_t port,
             std::chrono::milliseconds patience, on_answer done);
/// grpc.health.v1.Health/Check says SERVING.
void ask_grpc(boost::asio::io_context& on, const std::string& host, uint16_t port,
              const std::string& service, std::chrono::milliseconds patience, on_answer done);

// The parts that are pure.

std::string http_request_text(const http_question& what);
/// Status of a complete head; 0 while it is not complete; -1 if it is no HTTP.
int http_status(std::string_view received);
/// What a gRPC health question is on the wire, from the preface on.
std::string grpc_request(const std::string& authority, const std::string& service);

/// Reads the frames of the answer as they come.
class grpc_reply {
public:
  /// What has to be sent back (settings and pings acknowledged).
  std::string feed(std::string_view bytes);
  bool over() const { return over_; }
  /// ServingStatus of the answer: 1 is SERVING; -1 if there was none.
  int serving() const { return serving_; }

private:
  std::string buffer_, message_;
  bool over_ = false;
  int serving_ = -1;
};

} // namespace troupe::node
