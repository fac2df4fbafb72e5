// The DEPLOYMENT controller: carries out what deployment_plan decides.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type deployments(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
