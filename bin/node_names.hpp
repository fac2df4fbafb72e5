// A node's name belongs to one machine from the moment it may join, on all servers: a Lease says to
// whom it was given, until the machine's Node shows that it is there.
#pragma once

#include "actors/gateway/gateway.hpp"

#include <functional>
#include <string>

namespace troupe::node_names {

/// Holds `node` for `holder` for a minute, and tells whether it was free, from a thread of the
/// store.
void hold(gateway::gateway& api, const std::string& node, const std::string& holder,
          const std::function<void(result<void>)>& done);

} // namespace troupe::node_names
