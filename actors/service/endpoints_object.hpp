// The Endpoints object of a service: what its EndpointSlices say, in the older form, cut off where
// it would grow too large; and slices that mirror an Endpoints object that somebody wrote by hand.
// Pure.
#pragma once

#include "actors/service/slices_plan.hpp"

namespace troupe::service {

constexpr size_t endpoints_addresses_max = 1'000;

/// Brings `object` (new, or as it was) to what is wanted. True if anything changed.
bool bring_endpoints(k8s::core::v1::Endpoints& object, const k8s::core::v1::Service& service,
                     const std::vector<EndpointSlice>& slices);

/// The groups that mirror an Endpoints object.
std::vector<endpoint_group> mirrored(const k8s::core::v1::Endpoints& object);

} // namespace troupe::service
