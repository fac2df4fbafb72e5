// Kubernetes' strategic merge patch: lists merge by the keys that the schema names, and directives
// ($patch, $retainKeys, $setElementOrder, $deleteFromPrimitiveList) say what plain merging cannot.
// Pure.
#pragma once

#include "messages/base/error.hpp"
#include "messages/schema/type.hpp"

namespace troupe::patch {

/// Merges `patch` over `document`, an object of `type`. bad_request: a directive is malformed;
/// invalid: an element lacks its merge key.
result<void> apply_strategic_patch(json::value& document, const json::value& patch,
                                   const schema::type& type);

} // namespace troupe::patch
