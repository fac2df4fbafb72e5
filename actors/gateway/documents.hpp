// Documents about the whole API, made once for a registry of kinds: discovery and OpenAPI.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// Answers with the document, or with 304 if it is the one that the client has.
void answer_document(call& c, const document_cache::document& d, std::string type);

} // namespace troupe::gateway
