// The CRON JOB controller: carries out what cron_job_plan decides.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type cron_jobs(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
