// The REPLICA SET and REPLICATION CONTROLLER controllers: carry out what replica_set_plan decides.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type replica_sets(controller_actor::pointer self, environment given);
controller_actor::behavior_type replication_controllers(controller_actor::pointer self,
                                                        environment given);

} // namespace troupe::controllers
