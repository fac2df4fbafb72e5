// A watch over WebSocket: each event is one message, text or binary, its bytes shared with every
// other watcher; from the client only pings and a close are expected.
#pragma once

#include "net/http/request.hpp"
#include "net/http/responder.hpp"

#include <functional>
#include <memory>

namespace troupe::streams {

/// A running watch. Any thread. Dropping the handle closes the socket properly.
class event_socket {
public:
  /// Called on the connection's thread, `on_closed` exactly once and last; both may come before
  /// start() returns, since the client may have said goodbye already.
  struct callbacks {
    std::function<void()> on_drained;
    std::function<void(http::gone)> on_closed;
  };

  event_socket() = default;
  /// Answers 101; fails, and leaves `reply` untouched, if `in` is no proper handshake.
  static result<event_socket> start(const http::request& in, http::responder& reply,
                                    bool text = true, callbacks calls = {});
  explicit operator bool() const { return state_ != nullptr; }
  event_socket(event_socket&&) = default;
  event_socket& operator=(event_socket&&) noexcept;
  ~event_socket();

  /// Sends one event; false once the client is gone or too slow.
  bool write(const http::bytes& event);
  /// Says goodbye; the handle is empty afterwards.
  void finish();
  size_t queued_bytes() const;

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace troupe::streams
