// What a node may ask of the API: its own objects, and those that pods bound to it cannot run
// without. Pure.
#pragma once

#include "actors/gateway/rbac.hpp"

#include <optional>

namespace troupe::gateway {

/// The node that a user is by its name and group; empty if it calls itself a node without being
/// any, nothing if it is no node at all.
std::optional<std::string> node_of(const user& who);

/// Why `node` may not do that; empty if it may. `rules` are those of the role system:node: they
/// hold for everything that is not decided by whose it is.
std::string why_node_may_not(const std::string& node, const attributes& wanted,
                             const std::vector<const policy_rule*>& rules,
                             const storage::snapshot& now);

} // namespace troupe::gateway
