// Subresources that are not simply a part of their object: scale, binding, eviction, tokens, logs
// and the streams into a running pod.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace k8s::autoscaling::v1 {
class Scale;
}

namespace troupe::gateway {

/// Takes over the call if its subresource has a way of its own; false if it goes the way of its
/// object.
bool handle_subresource(gateway& g, const call_ptr& c);

/// The type of the patch that the call brings, if its kind can be patched so. patch.cpp
result<patch_type> patch_type_of(const call& c);

void scale(gateway& g, call_ptr c); // scale.cpp
/// How many replicas an object asks for, if its kind has a scale.
int32_t replicas_of(const schema::kind& kind, const google::protobuf::Message& object);
/// What is shown of an object that has a scale, and the object with another number of replicas.
result<k8s::autoscaling::v1::Scale> scale_of(const schema::kind& kind,
                                             const google::protobuf::Message& object);
result<object> scaled(const schema::kind& kind, const google::protobuf::Message& object,
                      int32_t replicas);
void bind(gateway& g, call_ptr c);    // binding.cpp: also POST .../bindings
void evict(gateway& g, call_ptr c);   // eviction.cpp
void pod_log(gateway& g, call_ptr c); // log.cpp
/// exec, attach and port-forward of a pod.
void pod_stream(gateway& g, call_ptr c); // pod_stream.cpp
/// Any request to a port of a pod, or of one behind a service.
void connect_proxy(gateway& g, call_ptr c); // proxy.cpp
/// Anything that a node serves behind nodes/NAME/proxy.
void node_proxy(gateway& g, call_ptr c); // node_door.cpp

} // namespace troupe::gateway
