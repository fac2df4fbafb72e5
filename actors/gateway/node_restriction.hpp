// What a node's writes may change: its own object but for the labels that belong to administrators,
// the status of its pods, its leases. Pure.
#pragma once

#include "actors/gateway/user.hpp"
#include "messages/base/error.hpp"
#include "messages/schema/kind.hpp"

namespace k8s::core::v1 {
class Pod;
}
namespace k8s::authentication::v1 {
class BoundObjectReference;
}
namespace google::protobuf {
class Message;
}

namespace troupe::gateway {

/// A write by the node: `fresh` as it would be stored, `old` as it is, null if it is new.
struct node_write {
  const std::string& node;
  const schema::kind& kind;
  std::string_view subresource;
  const google::protobuf::Message& fresh;
  const google::protobuf::Message* old;
};

/// Why the node may not write that; empty if it may.
std::string why_node_may_not_write(const node_write& w);
/// The same for deleting or evicting a pod.
std::string why_node_may_not_remove(const std::string& node, const k8s::core::v1::Pod& pod,
                                    bool eviction);
/// The same for a token of `account` that is to be bound to `wanted`; `pod` is that pod, or null.
std::string why_node_may_not_have_token(const std::string& node, std::string_view account,
                                        const k8s::authentication::v1::BoundObjectReference* wanted,
                                        const k8s::core::v1::Pod* pod);

} // namespace troupe::gateway
