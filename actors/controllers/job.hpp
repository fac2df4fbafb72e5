// The JOB controller: carries out what job_plan decides.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type jobs(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
