// Subresources that are not simply a part of their object: scale, binding, eviction, tokens, logs
// and the streams into a running pod.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// Takes over the call if its subresource has a way of its own; false if it goes the way of its
/// object.
bool handle_subresource(gateway& g, const call_ptr& c);

void scale(gateway& g, call_ptr c);   // scale.cpp
void bind(gateway& g, call_ptr c);    // binding.cpp: also POST .../bindings
void evict(gateway& g, call_ptr c);   // eviction.cpp
void pod_log(gateway& g, call_ptr c); // log.cpp

/// A Status that says it is done, as bindings and evictions answer.
std::string done_json(int code);

} // namespace troupe::gateway
