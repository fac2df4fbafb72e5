// SERVICES: which pods stand behind each service, told in EndpointSlices the moment it changes.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::service {

controller_actor::behavior_type services(controller_actor::pointer self,
                                         controllers::environment given);

} // namespace troupe::service
