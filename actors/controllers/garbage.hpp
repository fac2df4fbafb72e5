// The GARBAGE controller: hears every change, keeps the index of owners, and carries out what
// garbage_plan decides.
#pragma once

#include "actors/controllers/environment.hpp"
#include "actors/controllers/garbage_plan.hpp"

namespace troupe::controllers {

controller_actor::behavior_type garbage(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
