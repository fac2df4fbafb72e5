// The STATEFUL SET controller: carries out what stateful_set_plan decides.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type stateful_sets(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
