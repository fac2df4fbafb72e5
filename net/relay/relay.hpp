// One address for several servers: takes TCP connections and passes their bytes on to whichever
// server can be reached. It reads nothing of what it carries: TLS is between the two ends.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::relay {

struct target {
  std::string host; ///< an address
  uint16_t port = 0;

  /// "10.0.0.1:6443".
  static result<target> parse(const std::string& text);
  std::string text() const { return host + ":" + std::to_string(port); }
  bool operator==(const target&) const = default;
};

struct settings {
  target listen; ///< port 0: any free one
  std::vector<target> targets;
  size_t connections_max = 4'000;
  std::chrono::milliseconds connect_within{1'000}; ///< then the next server is tried
  /// Whether a server can do what it is asked for; may block for a while. Empty: all that take
  /// connections can.
  std::function<bool(const target&)> ready;
  std::chrono::milliseconds look_every{1'000}; ///< while there are connections
};

/// Keeps to the server that answered last, and goes on to the next when it does not any more. One
/// that answers but is not ready (cut off from the others, say) is left for one that is, and those
/// it was leading there are let go.
class relay {
public:
  static result<std::unique_ptr<relay>> start(settings given);
  ~relay();

  uint16_t port() const;
  /// Other servers for connections made from now on. Any thread.
  void aim(std::vector<target> targets);
  void stop();

private:
  struct core;
  explicit relay(std::shared_ptr<core> held) : core_{std::move(held)} {}
  std::shared_ptr<core> core_;
};

} // namespace troupe::relay
