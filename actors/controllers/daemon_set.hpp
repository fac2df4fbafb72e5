// The DAEMON SET controller: carries out what daemon_set_plan decides.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type daemon_sets(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
