// Links over TCP and TLS 1.3, both sides proven by the cluster's CA: takes connections, keeps
// connections to others up, and hands each new link out with its peer's identity.
#pragma once

#include "net/link/link.hpp"
#include "net/tls/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace troupe::link {

struct network_settings {
  tls::credentials who;
  mux_settings mux; ///< its generation is the base that connections count up from
  /// Which verified peers may connect; everybody whom the CA has signed if not set.
  std::function<bool(const identity&)> allow;
  /// Who may have several links at once. Of everybody else, a newer link ends the older one.
  std::function<bool(const identity&)> several;
  /// Hears why a peer that is dialed could not be linked: "10.0.0.1:6444", "Connection refused".
  std::function<void(const std::string& where, std::string_view why)> dial_failed;
  size_t connections_max = 10'000;
  std::chrono::milliseconds handshake_within{10'000};
  std::chrono::milliseconds redial_after{50}; ///< at first; doubles, with chance mixed in
  std::chrono::milliseconds redial_after_max{5'000};
  uint64_t seed = 1; ///< for that chance
  unsigned threads = 1;
};

struct network_counters {
  uint64_t accepted = 0, dialed = 0, refused = 0, failed = 0;
};

class network {
public:
  network(network_settings settings, on_link up);
  ~network(); ///< stops
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  /// Takes connections; returns the port.
  result<uint16_t> listen(const std::string& address, uint16_t port);
  /// Keeps a link up to the peer there (a name is looked up each time), whose certificate must
  /// carry `name` as DNS name or address.
  result<void> dial(const std::string& address, uint16_t port, const std::string& name);
  /// Dials no peer of this name any more; a link that is up stays.
  void undial(const std::string& name);
  /// The certificate and CAs of connections made from now on.
  result<void> reload(const tls::credentials& who);
  /// Ends all links and joins the threads; harmless to repeat.
  void stop();
  network_counters counters() const;

private:
  struct core;
  friend class tcp_connection;
  std::shared_ptr<core> core_;
};

} // namespace troupe::link
