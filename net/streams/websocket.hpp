// WebSocket (RFC 6455) as functions on bytes: the server's handshake, frames taken apart as they
// arrive, frames put together. No sockets; every size is bounded.
#pragma once

#include "messages/base/error.hpp"
#include "net/http/request.hpp"
#include "net/http/response.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::streams {

inline constexpr size_t websocket_message_bytes_max = 4 * 1024 * 1024;
inline constexpr int websocket_version = 13;

enum class opcode : uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

/// True if `in` asks to become a WebSocket (rightly or not).
bool wants_websocket(const http::request& in);

/// The subprotocols that `in` offers, in its order.
std::vector<std::string> offered_protocols(const http::request& in);

/// The bearer token that browsers hide among the subprotocols
/// (`base64url.bearer.authorization.k8s.io.<token>`); fails when it is malformed.
result<std::optional<std::string>> bearer_token(const http::request& in);

/// The headers of the 101 answer. `protocols` are those the server speaks, best first does not
/// matter: the client's order decides. Without an offer none is chosen; an offer without a match is
/// refused, and so is anything that is not a proper handshake.
struct websocket_handshake {
  std::string protocol; ///< empty: none
  http::header_list headers;
};
result<websocket_handshake> shake_hands(const http::request& in,
                                        const std::vector<std::string_view>& protocols);

/// One frame from the server, unmasked and whole.
std::string frame(opcode kind, std::string_view payload);
/// The payload of a close frame.
std::string close_payload(uint16_t code, std::string_view reason);

/// Takes apart what a client sends.
class websocket_decoder {
public:
  struct events {
    virtual ~events() = default;
    /// A whole message, put together from its fragments.
    virtual void on_message(bool text, std::string_view payload) = 0;
    virtual void on_ping(std::string_view payload) = 0;
    virtual void on_close(uint16_t code) = 0;
  };

  explicit websocket_decoder(size_t message_bytes_max = websocket_message_bytes_max)
      : message_bytes_max_{message_bytes_max} {}

  /// Consumes all of `bytes`. After a failure (a close code and why) nothing more may be fed.
  struct violation {
    uint16_t code;
    std::string_view why;
  };
  std::optional<violation> feed(std::string_view bytes, events& to);

private:
  std::optional<violation> read_head();
  std::optional<violation> finish_frame(events& to);

  size_t message_bytes_max_;
  std::string head_;     ///< of the frame being read
  size_t head_size_ = 2; ///< as far as known
  bool in_payload_ = false;
  bool fin_ = false;
  bool closed_ = false;
  opcode kind_ = opcode::continuation;
  uint64_t left_ = 0;
  char mask_[4] = {};
  size_t mask_at_ = 0;
  std::optional<opcode> message_kind_; ///< while a message is incomplete
  std::string message_;
  std::string control_;
};

} // namespace troupe::streams
