// SUPERVISOR: has a company of actors play for as long as it lives itself. Whoever fails is begun
// again, after a pause that grows while it goes on failing; all of them end with it.
#pragma once

#include "messages/interfaces.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe {

struct part {
  std::string name;
  std::function<caf::actor()> begin; ///< spawns it, and tells whoever must know it
};

/// Begins all parts before it returns. Ends, after all of them, when it is told to exit.
controller_actor supervise(caf::actor_system& system, std::vector<part> parts);

} // namespace troupe
