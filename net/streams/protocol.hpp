// Which of Kubernetes' streaming protocols a request asks for, and how its handshake is answered.
// Pure decisions; a refusal goes back to the caller, who knows how errors look.
#pragma once

#include "net/http/request.hpp"
#include "net/streams/channels.hpp"
#include "net/streams/engine.hpp"

#include <memory>

namespace troupe::streams {

/// How the streams of a session travel.
enum class transport : uint8_t {
  spdy,              ///< upgraded to SPDY/3.1
  channels,          ///< numbered channels over WebSocket
  spdy_in_websocket, ///< SPDY/3.1 inside WebSocket messages
};

struct protocol {
  transport how = transport::spdy;
  int version = 1;           ///< of the remote command protocol: 1 to 5
  channel_form form;         ///< for channels
  http::header_list headers; ///< of the 101 answer
};

/// True if the request wants to leave HTTP at all.
bool wants_upgrade(const http::request& in);

/// For exec and attach.
result<protocol> choose_exec(const http::request& in);
/// For port-forward.
result<protocol> choose_forward(const http::request& in);

std::unique_ptr<engine> make_engine(const protocol& chosen);

} // namespace troupe::streams
