// The TAINT EVICTION controller: deletes pods whose time on a tainted node is over.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type taint_eviction(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
