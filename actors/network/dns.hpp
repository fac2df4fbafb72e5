// DNS: answers for the cluster's names on one machine, from the facts it is told; what it does not
// know, it asks the machine's own name servers.
#pragma once

#include "messages/base/address.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe::network_of_pods {

struct dns_settings {
  std::string node;
  std::string domain = "cluster.local";
  uint16_t port = 53; ///< at the gateway's address, once the node has a range
  std::vector<address> upstream;
  std::function<uint64_t()> random;
};

dns_actor::behavior_type dns_service(dns_actor::pointer self, dns_settings given);

} // namespace troupe::network_of_pods
