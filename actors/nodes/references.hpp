// Which objects a pod cannot run without: config maps, secrets, its account, claims and the volumes
// behind them. A node may see these for its own pods and nothing else. Pure.
#pragma once

#include "messages/api/pod.pb.h"
#include "storage/snapshot.hpp"

#include <set>
#include <string>

namespace troupe::nodes {

/// The keys in the store of all that `pod` refers to. `now` tells which volume a claim is bound to.
std::set<std::string> references_of(const k8s::core::v1::Pod& pod, const storage::snapshot& now);

/// Whether a pod refers to anything at all that only the servers know.
bool refers_to_objects(const k8s::core::v1::Pod& pod);

} // namespace troupe::nodes
