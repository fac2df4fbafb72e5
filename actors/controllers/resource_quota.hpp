// The RESOURCE QUOTA controller: counts again what namespaces use when something is given back.
// What is used newly, admission has charged already.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type resource_quotas(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
