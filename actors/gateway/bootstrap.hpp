// What a new cluster begins with: its namespaces and default roles. Harmless to repeat.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// Creates what is missing and waits until it is durable. Called once, before requests are taken.
result<void> bootstrap(gateway& g);

} // namespace troupe::gateway
