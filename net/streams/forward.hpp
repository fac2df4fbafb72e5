// port-forward as the node sees it: one connection after the other to a port of the pod, each with
// data both ways and a word of error if it fails.
#pragma once

#include "net/http/responder.hpp"
#include "net/streams/protocol.hpp"
#include "net/streams/session.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace troupe::streams {

inline constexpr size_t forward_connections_max = 256; ///< in one session

/// One forwarded connection. Any thread.
class forward_connection {
public:
  struct callbacks {
    std::function<void(std::string_view)> on_data;
    /// The client will send nothing more.
    std::function<void()> on_end;
    /// Once: the connection is over.
    std::function<void()> on_closed;
  };

  forward_connection(std::shared_ptr<session> over, lane data, lane error)
      : session_{std::move(over)}, data_{data}, error_{error} {}

  void write(std::string_view bytes) { session_->write(data_, bytes); }
  /// Nothing more will come from the pod's side.
  void finish();
  /// Tells the client why there is nothing to forward to, and ends the connection.
  void fail(std::string_view why);
  size_t queued_bytes() const { return session_->queued_bytes(); }
  void read(bool wanted) { session_->read(wanted); }

private:
  std::shared_ptr<session> session_;
  lane data_;
  lane error_;
};

/// Called for each connection, on the connection's thread; the callbacks are used from then on.
using on_forward = std::function<forward_connection::callbacks(
    uint16_t port, std::shared_ptr<forward_connection>)>;

/// The ports that the query names, for clients that say them there.
result<std::vector<uint16_t>> read_ports(const http::query& query);

/// Answers 101 and serves the session until the client ends it. `ports` matter only to channels.
void start_forward(http::responder reply, const protocol& chosen, std::vector<uint16_t> ports,
                   on_forward open);

} // namespace troupe::streams
