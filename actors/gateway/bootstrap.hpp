// What a new cluster begins with: its namespaces, default roles and flow schemas.
// Harmless to repeat.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// Creates what is missing, brings default roles, bindings, flow schemas and priority levels up to
/// date (default_upkeep.hpp), and waits until it is durable. Writes nothing when nothing differs.
result<void> bootstrap(gateway& g);

} // namespace troupe::gateway
