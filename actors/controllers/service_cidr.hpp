// The SERVICE CIDR controller: says which ranges give out addresses of services, and keeps a range
// that is deleted until its addresses are free or lie in another one.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type service_cidrs(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
