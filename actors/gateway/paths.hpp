// Everything that is not about a resource: discovery, OpenAPI, health, version, metrics.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// What is answered where nothing at all is: not a Status, since nobody knows what was meant.
http::response page_not_found();

/// Answers such a request, or 404.
void answer_path(gateway& g, call_ptr c);

} // namespace troupe::gateway
