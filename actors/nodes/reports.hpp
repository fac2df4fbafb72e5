// What a node's reports do to the objects they are about. A node speaks for itself and for the pods
// bound to it: what it says of anything else has no effect. Pure: no actor, clock or I/O.
#pragma once

#include "messages/api/event.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/base/time.hpp"
#include "messages/cluster/node.pb.h"
#include "storage/snapshot.hpp"
#include "storage/transaction.hpp"

#include <functional>
#include <string>

namespace troupe::nodes {

/// Whose reports these are, and when they are put in.
struct reporter {
  std::string node;
  timestamp now;
  const std::function<uint64_t()>& random;
};

/// Each appends to `tx` what the report changes on `now`; nothing if it changes nothing.
void put_pod_status(const reporter& by, const cluster::PodReport& said,
                    const storage::snapshot& now, storage::transaction& tx);
void put_pod_end(const reporter& by, const cluster::PodStopped& said, const storage::snapshot& now,
                 storage::transaction& tx);
/// A pod that the node runs of its own accord. It may not refer to objects: the node would be shown
/// them.
void put_mirror(const reporter& by, const k8s::core::v1::Pod& said, const storage::snapshot& now,
                storage::transaction& tx);
/// The directory of a volume of this node is gone, as its deletion asked for: so may its object.
void put_volume_gone(const reporter& by, const std::string& volume, const storage::snapshot& now,
                     storage::transaction& tx);
void put_node_status(const reporter& by, const k8s::core::v1::NodeStatus& said,
                     const storage::snapshot& now, storage::transaction& tx);
/// The same event told again becomes one object with a count.
void put_event(const reporter& by, const k8s::core::v1::Event& said, const storage::snapshot& now,
               storage::transaction& tx);

/// The Node object of an agent that has arrived: made with `pod_range`, or brought up to date.
void put_node(const reporter& by, const k8s::core::v1::Node& said, const std::string& pod_range,
              const storage::snapshot& now, storage::transaction& tx);
/// The node has not been heard of for too long: nobody knows how it is.
void put_node_unknown(const reporter& by, const storage::snapshot& now, storage::transaction& tx);

} // namespace troupe::nodes
