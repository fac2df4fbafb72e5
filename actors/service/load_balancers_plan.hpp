// Decides at which addresses a service of type LoadBalancer is reached: those of the nodes, where a
// service is served on every node anyway. Pure: no actors, clock or I/O.
#pragma once

#include "messages/api/node.pb.h"
#include "messages/api/service.pb.h"

#include <map>
#include <optional>
#include <string>

namespace troupe::service {

/// More addresses than that help nobody.
constexpr size_t ingress_max = 16;

/// The address at which a node serves the outside; empty if it takes no part.
std::string outside_address(const k8s::core::v1::Node& node);

/// The status that the service is to have, if it is to have another one. `addresses`: by node.
std::optional<k8s::core::v1::LoadBalancerStatus>
plan_ingress(const k8s::core::v1::Service& service,
             const std::map<std::string, std::string>& addresses);

} // namespace troupe::service
