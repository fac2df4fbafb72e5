// The connections that the kernel remembers. A UDP client whose backend has gone would be led to it
// as long as it keeps sending; forgetting the flow lets it choose again.
#pragma once

#include "messages/base/address.hpp"
#include "net/dataplane/netlink.hpp"

#include <cstdint>
#include <functional>

namespace troupe::dataplane {

/// One flow: what its client asked for, and who answers in truth.
struct flow {
  address asked, answering;
  uint16_t asked_port = 0, answering_port = 0;
  uint8_t protocol = 0;
};

/// Forgets the IPv4 flows of UDP that are stale. Returns how many there were.
result<size_t> forget_udp_flows(const std::function<bool(const flow&)>& stale);

} // namespace troupe::dataplane
