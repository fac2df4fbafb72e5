// The BINDER: binds claims to volumes, makes volumes on demand where they do not wait for a pod,
// lets volumes grow, and sees to those whose claim is gone.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::volumes {

controller_actor::behavior_type binder(controller_actor::pointer self,
                                       controllers::environment given);

} // namespace troupe::volumes
