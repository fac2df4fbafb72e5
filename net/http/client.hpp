// A plain HTTPS client for commands: one request, one answer, one connection, blocking. Bounded in
// time and size; it follows no redirect and keeps no cookie.
#pragma once

#include "messages/base/error.hpp"
#include "net/tls/context.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace troupe::http {

struct client_settings {
  std::string host;
  uint16_t port = 443;
  /// Whose certificate to show and which CAs to trust. Without CAs nothing is verified: only for
  /// what is checked otherwise.
  tls::credentials who;
  /// The name that the server's certificate must carry, if not the host.
  std::string expected_name;
  std::chrono::seconds patience{15};
  size_t answer_bytes_max = 64u << 20;
};

struct client_request {
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct client_answer {
  int status = 0;
  std::string body;
};

/// unavailable if nobody can be reached or the answer is no HTTP; unauthorized if the server's
/// certificate does not hold.
result<client_answer> ask(const client_settings& whom, const client_request& what);

/// "https://host:port" as host and port; 443 without one.
result<std::pair<std::string, uint16_t>> split_url(std::string_view url);

} // namespace troupe::http
