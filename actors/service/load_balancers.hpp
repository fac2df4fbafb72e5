// LOAD BALANCERS: tells at which addresses services of type LoadBalancer are reached.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::service {

controller_actor::behavior_type load_balancers(controller_actor::pointer self,
                                               controllers::environment given);

} // namespace troupe::service
