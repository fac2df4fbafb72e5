// The AUTOSCALER: gives workloads as many replicas as what their pods use asks for.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type autoscalers(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
