// Trees that are read, changed and thrown away within one call: their parts stand in one piece of
// memory that is given back as a whole.
#pragma once

#include "messages/base/json.hpp"

#include <boost/json/monotonic_resource.hpp>

namespace troupe::json {

using arena = boost::json::monotonic_resource;

/// Reads one document into `memory`, which must outlive the tree.
result<value> parse_in(boost::json::memory_resource& memory, std::string_view text);

} // namespace troupe::json
