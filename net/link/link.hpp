// A LINK to another machine, as everybody above sees it: messages on a few streams, who the peer
// is, and one last word when it is gone. A network makes them: over TLS in life, in memory in
// tests.
#pragma once

#include "net/link/mux.hpp"
#include "net/tls/peer.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::link {

/// Who is at the other end, as its certificate proves.
struct identity {
  std::string name; ///< the common name: `system:node:<node>`, `server:<id>`, ...
  std::vector<std::string> groups;
  std::string fingerprint;

  bool operator==(const identity&) const = default;
};

/// One connection. After it is down it stays down; a new connection is a new link.
class connection {
public:
  struct callbacks {
    /// A message; the view is valid during the call. In order for each stream.
    std::function<void(stream, std::string_view)> on_message;
    /// Once, and last. Nothing sent earlier may be taken as received.
    std::function<void(std::string_view why)> on_down;
  };

  virtual ~connection() = default;
  virtual const identity& peer() const = 0;
  /// Larger than that of any earlier connection with this peer's process.
  virtual uint64_t generation() const = 0;
  virtual uint16_t version() const = 0;
  /// Any thread. False when the stream's queue is full or the link is down: nothing was sent.
  virtual bool send(stream on, payload message) = 0;
  /// Any thread. Room again for bytes of a stream whose credit the receiver gives back itself.
  virtual void taken(stream on, size_t bytes) = 0;
  virtual size_t queued_bytes(stream on) const = 0;
  /// Any thread. Calls it on the link's own thread, as its callbacks are; never, once the network
  /// has stopped.
  virtual void run(std::function<void()> call) = 0;
  /// Any thread. Ends the link; `on_down` follows.
  virtual void close() = 0;
};

/// Called for each link that comes up, before anything else happens on it; returns its callbacks.
/// Returning none for `on_message` is fine; an identity that may not connect is refused earlier.
using on_link = std::function<connection::callbacks(std::shared_ptr<connection>)>;

} // namespace troupe::link
