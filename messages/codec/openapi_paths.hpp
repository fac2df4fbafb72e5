// What may be asked of each kind, as the paths of an OpenAPI document.
#pragma once

#include "messages/codec/openapi_schema.hpp"

namespace troupe::codec {

/// Adds the paths of a kind's collection, objects, subresources and watches to `paths`, and what
/// they speak to `known`.
void add_paths(openapi_version version, const schema::kind& kind, definitions& known,
               json::object& paths);

/// "/api/v1" or "/apis/apps/v1".
std::string root_path(const schema::kind& kind);

} // namespace troupe::codec
