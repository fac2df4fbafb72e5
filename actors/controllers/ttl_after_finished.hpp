// The TTL AFTER FINISHED controller: deletes jobs that have been over for as long as they asked to
// be kept.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type ttl_after_finished(controller_actor::pointer self,
                                                   environment given);

} // namespace troupe::controllers
