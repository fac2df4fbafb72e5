// NODES: knows the agent of every machine, tells it what concerns it the moment it becomes true,
// and says so when a machine has not been heard of for too long.
#pragma once

#include "actors/nodes/environment.hpp"
#include "messages/interfaces.hpp"

namespace troupe::nodes {

nodes_actor::behavior_type nodes(nodes_actor::pointer self, environment given);

} // namespace troupe::nodes
