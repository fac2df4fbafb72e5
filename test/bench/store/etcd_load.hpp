// Drives an etcd over loopback as many clients would: gRPC puts over hand-made HTTP/2, several
// connections, a number of puts under way on each.
#pragma once

#include <cstdint>

namespace troupe::bench {

struct etcd_figures {
  double puts_per_second = 0;
  double p50_us = 0;
};

/// Puts `value_bytes` each from `clients` clients over `connections` connections for `seconds`.
etcd_figures load_etcd(uint16_t port, unsigned clients, unsigned connections, unsigned value_bytes,
                       double seconds);

} // namespace troupe::bench
