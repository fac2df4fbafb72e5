// All controllers by name, and which of them run.
#pragma once

#include "actors/controllers/environment.hpp"
#include "actors/supervisor.hpp"

namespace troupe::controllers {

/// A controller that runs.
struct player {
  std::string_view name;
  controller_actor actor;
};

/// Starts those that `list` names as kube-controller-manager takes it: "*" for all, "none", names
/// separated by commas, "-name" to leave one out. bad_request for a name that is none of ours.
result<std::vector<player>> start(caf::actor_system& system, const environment& given,
                                  std::string_view list);

/// The same as parts of a company that is yet to begin.
result<std::vector<part>> parts(caf::actor_system& system, const environment& given,
                                std::string_view list,
                                std::function<void(const player&)> introduce);

/// By what name the directory knows it: "controller/deployment", "scheduler".
std::string directory_name(std::string_view name);

/// The names of all of them.
std::vector<std::string_view> names();

/// Whether start() would take the list.
result<void> check(std::string_view list);

} // namespace troupe::controllers
