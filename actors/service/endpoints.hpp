// Endpoints, the older form of EndpointSlices, in both directions: ENDPOINTS tells in it what
// slices say; MIRRORS makes slices of what somebody wrote in it by hand.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::service {

controller_actor::behavior_type endpoints(controller_actor::pointer self,
                                          controllers::environment given);
controller_actor::behavior_type mirrors(controller_actor::pointer self,
                                        controllers::environment given);

} // namespace troupe::service
