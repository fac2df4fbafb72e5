// The NODE LIFECYCLE controller: taints nodes as their state calls for, sends pods away from nodes
// that are lost at a bearable pace, and says of their pods that they are not ready.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type node_lifecycle(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
