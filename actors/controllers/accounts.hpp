// The ACCOUNTS controller: carries out what accounts_plan decides for every namespace.
#pragma once

#include "actors/controllers/accounts_plan.hpp"
#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type accounts(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
