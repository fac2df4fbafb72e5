// The CERTIFICATE REQUESTS controller: signs what was approved for clients of the API, and clears
// away requests that are done with.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type certificate_requests(controller_actor::pointer self,
                                                     environment given);

} // namespace troupe::controllers
