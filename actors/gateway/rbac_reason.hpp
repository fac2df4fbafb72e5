// Why the rules let somebody do something: the binding that says so, as reviews of access tell it.
#pragma once

#include "actors/gateway/rbac.hpp"

namespace troupe::gateway {

/// `RBAC: allowed by RoleBinding "readers/default" of Role "reader" to User "ada"`; empty if no
/// binding says so. Looks at the bindings one by one: not for every request.
std::string why_allowed(const rule_book& book, const storage::snapshot& now, const user& who,
                        const attributes& wanted);

} // namespace troupe::gateway
