// Decides how the endpoints of a service are cut into EndpointSlices: endpoints stay in the slice
// where they are, so that a change of one touches one slice. Pure: no actors, clock or I/O.
#pragma once

#include "actors/service/backend.hpp"

#include <variant>

namespace troupe::service {

constexpr size_t slice_endpoints_max = 100;

using k8s::discovery::v1::Endpoint;
using k8s::discovery::v1::EndpointPort;
using k8s::discovery::v1::EndpointSlice;

/// Endpoints that can share a slice: of one family, with the same ports.
struct endpoint_group {
  std::string family;
  std::vector<EndpointPort> ports;
  std::vector<Endpoint> endpoints;
};

/// What stands behind the service, by family and ports. There is one group at least for each
/// family.
std::vector<endpoint_group> groups_of(const k8s::core::v1::Service& service,
                                      const std::vector<const backend*>& pods,
                                      const zone_lookup& zones);

struct create_slice {
  EndpointSlice slice; ///< without a name
};
struct update_slice {
  size_t which; ///< of those observed
  EndpointSlice slice;
};
struct delete_slice {
  size_t which;
};
using slice_action = std::variant<create_slice, update_slice, delete_slice>;

/// What brings `observed` to `wanted`; `head` is what every slice of the service has in common:
/// labels, owner, namespace. Planning again on the outcome returns nothing.
std::vector<slice_action> plan(std::vector<endpoint_group> wanted,
                               const std::vector<EndpointSlice>& observed,
                               const k8s::meta::v1::ObjectMeta& head);

/// Names the zones and nodes from which each endpoint is to be used, as the service's traffic
/// distribution or topology mode asks.
void give_hints(const k8s::core::v1::Service& service, std::vector<Endpoint>& endpoints);

} // namespace troupe::service
