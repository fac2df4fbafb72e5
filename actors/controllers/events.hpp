// The EVENTS controller: forgets old events, so that a busy cluster does not fill its store with
// what nobody reads any more. Looks now and then while there are any, never otherwise.
#pragma once

#include "actors/controllers/environment.hpp"
#include "actors/controllers/events_plan.hpp"

namespace troupe::controllers {

controller_actor::behavior_type events(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
