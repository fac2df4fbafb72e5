// A name server on one address, over UDP and TCP, in one thread: asks a resolver for what is known
// here and other servers for the rest, and remembers what they said. It knows no names itself.
#pragma once

#include "messages/base/address.hpp"
#include "messages/base/error.hpp"
#include "net/dns/message.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace troupe::dns {

/// Not known here: other servers must be asked for `name`, whose records follow those of `begun`
/// (the alias that led there).
struct referral {
  dns::name name;
  std::vector<record> begun;
};

/// Called on the server's thread; must not block.
using resolver = std::function<std::variant<answer, referral>(const question&)>;

struct server_settings {
  address own;
  uint16_t port = 53; ///< 0 takes any free one
  resolver resolve;
  std::vector<address> upstream; ///< asked in this order; none: what is not known is refused
  uint16_t upstream_port = 53;
  std::chrono::milliseconds upstream_patience{2000}; ///< then the next one is asked
  std::function<uint64_t()> random;

  size_t pending_max = 4096; ///< questions to other servers under way
  size_t cache_max = 10'000; ///< replies kept
  uint32_t cache_seconds_max = 300;
  size_t connections_max = 128; ///< over TCP
  std::chrono::seconds idle_max{10};
};

class server {
public:
  static result<std::unique_ptr<server>> start(server_settings given);
  ~server();

  uint16_t port() const;

private:
  class loop;
  explicit server(std::unique_ptr<loop> run);
  std::unique_ptr<loop> loop_;
};

/// The name servers that a resolv.conf(5) text names, at most three.
std::vector<address> upstream_of(std::string_view resolv_conf);

} // namespace troupe::dns
