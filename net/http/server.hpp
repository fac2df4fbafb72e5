// An HTTP/1.1 server over TLS or plain TCP: every request passes the gate, is read whole within its
// limits, and is handed to one function that answers now or later. Requests of one connection are
// answered in order.
#pragma once

#include "net/http/limits.hpp"
#include "net/http/request.hpp"
#include "net/http/responder.hpp"
#include "net/tls/context.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::http {

/// Called on the connection's thread; it must not block. What takes longer keeps the responder and
/// answers later, from any thread.
using handler = std::function<void(request, responder)>;

/// Looks at a request before its body is read; an answer here refuses it (429 under overload).
using admission = std::function<std::optional<response>(const request&)>;

struct server_settings {
  std::string address = "127.0.0.1";
  uint16_t port = 0; ///< 0: any free one
  /// None: plain HTTP, for tests and for loopback.
  std::optional<tls::credentials> tls;
  http::limits limits;
  unsigned threads = 2;
  handler handle;
  admission admit; ///< optional
  /// How long stop() waits for answers that are under way.
  std::chrono::milliseconds stop_grace{5'000};
};

/// What has happened so far, for /metrics.
struct server_counters {
  struct row {
    method verb;
    int status;
    uint64_t answers;
  };
  std::vector<row> answers;     ///< only the rows that are not zero
  uint64_t refused_by_gate = 0; ///< answered by the gate, never seen by the handler
  uint64_t connections_now = 0;
  uint64_t connections_total = 0;
  uint64_t connections_refused = 0; ///< over a limit
  uint64_t handshakes_failed = 0;
  uint64_t requests_timed_out = 0;
  uint64_t slow_readers_dropped = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

class server {
public:
  explicit server(server_settings settings);
  ~server(); ///< stops
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Binds and serves; returns once connections are accepted.
  result<void> start();
  /// Takes no more connections, lets answers under way finish within the grace time, ends streams,
  /// closes the rest and joins the threads. Harmless to repeat; not from a handler.
  void stop();
  /// The port that is listened on.
  uint16_t port() const;
  /// Shows another certificate and trusts other CAs from the next connection on.
  result<void> reload(const tls::credentials& who);
  server_counters counters() const;

private:
  struct core;
  friend class connection;
  std::shared_ptr<core> core_;
};

} // namespace troupe::http
