// NODE: stands for one machine on the leader. It puts what the machine reports into the store: all
// that has come while one commit was on its way goes together in the next.
#pragma once

#include "actors/nodes/environment.hpp"
#include "messages/interfaces.hpp"

#include <string>

namespace troupe::nodes {

/// How many changed objects one commit carries at most.
inline constexpr size_t reports_in_commit_max = 500;
/// How much may wait to be stored; an agent that reports more is not believed to be sane.
inline constexpr size_t reports_waiting_max = 20'000;

/// Ends with `nodes`, however that ends: its agent then arrives at the next.
node_actor::behavior_type node(node_actor::pointer self, environment given, std::string name,
                               node_agent_actor agent, caf::actor_addr nodes);

} // namespace troupe::nodes
