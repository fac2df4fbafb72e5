// One request that passed the gate, whole: its head, its body and who sent it.
#pragma once

#include "net/http/gate.hpp"
#include "net/http/url.hpp"
#include "net/tls/peer.hpp"

#include <memory>
#include <optional>
#include <string>

namespace troupe::http {

/// The other end of a connection, shared by its requests.
struct peer {
  std::string address; ///< without the port
  uint16_t port = 0;
  bool encrypted = false;
  /// What the client showed; look at `verified` before believing it.
  std::optional<tls::peer_certificate> certificate;
};

/// Movable. Every view returned lives as long as the request.
class request {
public:
  request() = default;
  request(std::string_view complete_head, const limits& bounds);

  /// A request from text, as a client would send it, for tests and tools: the gate judges it.
  static result<request> parse(std::string_view head_and_body, const limits& bounds = {});

  const std::optional<refusal>& refused() const { return refused_; }

  method verb() const { return head_.verb; }
  std::string_view target() const { return head_.target; }
  std::string_view path() const { return head_.path; }
  std::string_view raw_query() const { return head_.query; }
  /// The path's decoded segments; fails on what no resource name can be.
  result<std::vector<std::string>> segments() const { return path_segments(head_.path); }
  result<http::query> query() const { return http::query::parse(head_.query); }

  /// The first header of that name, empty when absent; names compare without case.
  std::string_view header(std::string_view name) const;
  std::vector<std::string_view> headers(std::string_view name) const;
  const std::vector<http::header>& headers() const { return head_.headers; }

  const http::head& head() const { return head_; }
  bool keep_alive() const { return head_.keep_alive; }

  std::string body;
  std::shared_ptr<const peer> from;
  uint64_t id = 0; ///< unique in this process

private:
  std::unique_ptr<char[]> text_; ///< what the views of head_ point into
  http::head head_;
  std::optional<refusal> refused_;
};

} // namespace troupe::http
