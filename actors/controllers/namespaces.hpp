// The NAMESPACE controller: carries out what namespace_plan decides for every namespace that is
// going.
#pragma once

#include "actors/controllers/environment.hpp"
#include "actors/controllers/namespace_plan.hpp"

namespace troupe::controllers {

controller_actor::behavior_type namespaces(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
