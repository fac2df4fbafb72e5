// Roles in short, as the tables of the default ones hold them.
#pragma once

#include <vector>

namespace troupe::gateway {

/// A rule in short: groups, resources and verbs, each separated by commas. "core" is the empty
/// group; a rule whose groups are "url" lists paths instead of resources.
struct short_rule {
  const char* groups;
  const char* resources;
  const char* verbs;
  const char* names = ""; ///< the only objects that it is about, if there are any
};

namespace verbs {
constexpr const char* read = "get,list,watch";
constexpr const char* write = "create,delete,deletecollection,patch,update";
constexpr const char* all = "*";
} // namespace verbs

/// Whoever does things tells of them.
constexpr short_rule tell_events{"core,events.k8s.io", "events", "create,patch,update"};

/// A role of the whole cluster.
struct short_role {
  const char* name;
  const char* aggregate_to; ///< "view", "edit" or "admin": the role that takes this one in
  const char* aggregates;   ///< whose parts this one takes in: its own name
  std::vector<short_rule> rules;
};

const std::vector<short_role>& cluster_roles();

/// What one controller needs, and the name of its account in kube-system.
struct controller_role {
  const char* account;
  std::vector<short_rule> rules;
};

const std::vector<controller_role>& controller_roles();

} // namespace troupe::gateway
