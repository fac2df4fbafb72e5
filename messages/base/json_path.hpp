// The part of JSONPath that Kubernetes uses for columns and selectable fields: .a.b['c.d'][0][*]
// and
// [?(@.type=="Ready")]. Pure.
#pragma once

#include "messages/base/json.hpp"

namespace troupe::json {

/// The values that `path` finds in `root`, in order; none if the path is malformed or finds
/// nothing.
std::vector<const value*> find_path(const value& root, std::string_view path);

} // namespace troupe::json
