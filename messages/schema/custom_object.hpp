// What a custom kind's schema does to its objects: unknown fields are pruned, defaults filled in,
// and everything that does not fit is told at once. Pure.
#pragma once

#include "messages/base/error.hpp"
#include "messages/schema/type.hpp"

#include <vector>

namespace troupe::schema {

/// Removes what the schema does not know; returns the paths of what was removed (the first few).
std::vector<std::string> prune(json::object& object, const type& type);

/// Fills in defaults, and drops nulls where null is not allowed.
void set_custom_defaults(json::object& object, const type& type);

/// Whether there is anything to fill in.
bool has_defaults(const type& type);

/// What is wrong with an object, with Kubernetes' reasons and paths. What is as it was in `old`,
/// the object before an update, may be wrong: a schema that has become stricter since is nobody's
/// fault.
std::vector<cause> validate_custom(const json::object& object, const type& type,
                                   const json::object* old = nullptr);

} // namespace troupe::schema
