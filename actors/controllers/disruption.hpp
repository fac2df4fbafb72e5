// The DISRUPTION controller: keeps the status of disruption budgets, by which evictions are judged.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type disruptions(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
