// Decides what aggregated cluster roles consist of: the rules of all roles that they select. Pure:
// no actors, clock or I/O.
#pragma once

#include "messages/api/rbac.pb.h"

#include <string>
#include <vector>

namespace troupe::controllers {

/// Gives an aggregated role the rules that it should have.
struct set_rules {
  std::string name;
  std::vector<k8s::rbac::v1::PolicyRule> rules;
};

/// The roles whose rules differ from those of their parts. Planning again on the outcome returns
/// nothing.
std::vector<set_rules> plan(const std::vector<k8s::rbac::v1::ClusterRole>& roles);

} // namespace troupe::controllers
