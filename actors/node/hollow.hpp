// HOLLOW NODES: node agents that pretend. To the servers each is a machine like any other, with
// real messages, timers and status; only the containers are not there. For trying out what a
// cluster of thousands does on one machine.
#pragma once

#include "actors/node/hollow_pod.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace troupe::node {

/// Nodes of one process; addresses of pods and nodes are made from it.
constexpr unsigned hollow_nodes_max = 50'000;

struct hollow_settings {
  std::string name;
  unsigned number = 0; ///< unlike any other's: makes addresses
  std::string cpu = "32", memory = "256Gi";
  int pods_max = 110;
  std::map<std::string, std::string> labels;
  hollow_manners manners;

  nodes_actor nodes;
  std::function<timestamp()> now;   ///< the wall clock, for what is shown
  std::function<uint64_t()> random; ///< decides who fails
};

node_agent_actor::behavior_type hollow_node(node_agent_actor::pointer self, hollow_settings given);

/// The settings of one of many: `name` and its index, a number unlike any other's, one of so many
/// zones.
hollow_settings one_of(const hollow_settings& given, const std::string& name, unsigned index,
                       unsigned number, unsigned zones);

/// So many of them, named hollow-0 and on, spread over `zones` zones; `given` tells the rest.
std::vector<node_agent_actor> spawn_hollow_nodes(caf::actor_system& system, unsigned count,
                                                 unsigned zones, const hollow_settings& given);

} // namespace troupe::node
