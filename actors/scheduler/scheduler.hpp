// THE SCHEDULER: hears of pods and nodes, lets its core decide, and writes what it decided, many
// pods in one transaction.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::scheduler {

controller_actor::behavior_type scheduler(controller_actor::pointer self,
                                          controllers::environment given);

} // namespace troupe::scheduler
