// The ROLES controller: carries out what roles_plan decides for aggregated cluster roles.
#pragma once

#include "actors/controllers/environment.hpp"
#include "actors/controllers/roles_plan.hpp"

namespace troupe::controllers {

controller_actor::behavior_type roles(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
