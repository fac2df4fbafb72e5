// OpenAPI documents, generated from the registry: v3 one per group and version, v2 as one JSON
// document and in the Protobuf form that older kubectl versions read. Pure.
#pragma once

#include "messages/schema/kind.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::codec {

/// The index at `/openapi/v3`; every entry carries the hash of its document.
std::string openapi_v3_index(const schema::registry& kinds);
/// The document of one group and version ("api/v1", "apis/apps/v1"), or nothing.
std::optional<std::string> openapi_v3(const schema::registry& kinds, std::string_view path);

std::string openapi_v2_json(const schema::registry& kinds);
std::string openapi_v2_protobuf(const schema::registry& kinds);

/// A hash of a document, as ETags and the index carry it.
std::string document_hash(std::string_view text);

} // namespace troupe::codec
