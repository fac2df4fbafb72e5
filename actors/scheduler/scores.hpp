// How well a node suits a pod, each view between 0 and 100. Pure arithmetic.
#pragma once

#include "actors/scheduler/node_table.hpp"
#include "actors/scheduler/profile.hpp"

namespace troupe::scheduler::scores {

/// More when less (or with most_allocated: more) of the node is taken, the pod included.
float allocation(profile::packing strategy, const node_table& table, const pod_needs& pod,
                 node_index n);

/// More when CPU and memory are taken in the same proportion, the pod included.
float balance(const node_table& table, const pod_needs& pod, node_index n);

/// More when large images that few nodes lack are there already.
float images(const node_table& table, const std::vector<std::string>& images, node_index n);

/// The weights of the preferences that the node fulfils.
int preference(const std::vector<node_preference>& wishes, const storage::entry& node);

} // namespace troupe::scheduler::scores
