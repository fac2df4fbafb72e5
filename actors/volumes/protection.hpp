// PROTECTION: claims in use by pods and volumes bound to claims do not go before those do.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::volumes {

controller_actor::behavior_type claim_protection(controller_actor::pointer self,
                                                 controllers::environment given);
controller_actor::behavior_type volume_protection(controller_actor::pointer self,
                                                  controllers::environment given);

} // namespace troupe::volumes
