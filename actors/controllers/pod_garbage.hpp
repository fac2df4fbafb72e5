// The POD GARBAGE controller: ends pods that nobody else will: on nodes that are gone, going
// without ever having been placed, on nodes declared out of service, and too many that are over.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type pod_garbage(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
