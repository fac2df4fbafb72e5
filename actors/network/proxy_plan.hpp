// Decides which doors a service has on one machine and what stands behind each, from the Service,
// its EndpointSlices and where we are. Pure: no actors, clock or I/O.
#pragma once

#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/service.pb.h"
#include "net/dataplane/service_table.hpp"

#include <map>
#include <vector>

namespace troupe::network_of_pods {

/// The machine that decides.
struct standpoint {
  std::string node;
  std::string zone;
  std::vector<address> addresses; ///< at which node ports are open
};

using doors = std::map<dataplane::door, dataplane::behind>;

/// All doors of a service. Planning again on the same gives the same.
doors doors_of(const k8s::core::v1::Service& service,
               const std::vector<const k8s::discovery::v1::EndpointSlice*>& slices,
               const standpoint& here);

/// The ports of this machine that lead to a pod of it.
doors doors_of(const k8s::core::v1::Pod& pod, const standpoint& here);

/// "TCP", "UDP", "SCTP" as the number of the protocol; 0 for anything else.
uint8_t protocol_number(std::string_view name);

} // namespace troupe::network_of_pods
