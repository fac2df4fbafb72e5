// What a machine says of itself: its size, its system, its images, how it is.
#pragma once

#include "actors/node/context.hpp"
#include "messages/api/node.pb.h"

namespace troupe::node {

/// How many images a status names at most.
inline constexpr size_t images_shown_max = 50;

k8s::core::v1::NodeStatus node_status(context& of);
/// Puts it among what the servers are to be told.
void tell_node_status(context& of);
/// The object with which an agent arrives: name, labels, status.
k8s::core::v1::Node node_object(context& of);

/// The address by which the default route leaves this machine, or the first that is not loopback.
std::string own_address();

/// The line that /etc/os-release calls pretty.
std::string os_name(const std::string& os_release);

} // namespace troupe::node
