// SERVICES: which pods stand behind each service, told in EndpointSlices and Endpoints the moment
// it changes; and slices that mirror Endpoints written by hand.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::service {

controller_actor::behavior_type services(controller_actor::pointer self,
                                         controllers::environment given);
controller_actor::behavior_type mirrors(controller_actor::pointer self,
                                        controllers::environment given);

} // namespace troupe::service
