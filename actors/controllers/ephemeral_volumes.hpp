// The EPHEMERAL VOLUME controller: makes the claims that pods ask for in their own volumes, and
// that go with them.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type ephemeral_volumes(controller_actor::pointer self,
                                                  environment given);

} // namespace troupe::controllers
