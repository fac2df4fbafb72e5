// Requests that only a pod's own machine can answer: they are handed to the door of its node, and
// what comes back goes to the client.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "messages/api/pod.pb.h"

namespace troupe::gateway {

/// The container that a request about a pod means: the one it names, the pod's default, or the only
/// one.
result<std::string> choose_container(const k8s::core::v1::Pod& pod, std::string wanted);

/// Lets `node` answer the call at `path`, with the call's own query, headers and body, and `more`
/// headers. The answer goes to the client as it comes.
void pass_to_node(gateway& g, call_ptr c, const std::string& node, const std::string& path,
                  const http::header_list& more);

/// The same through any door that was found.
void pass_through(call_ptr c, const node_door& door, const std::string& path,
                  const http::header_list& more);

/// The same as pass_to_node(); what the node refuses is told as a Status.
void ask_node(gateway& g, call_ptr c, const std::string& node, const std::string& path);

} // namespace troupe::gateway
