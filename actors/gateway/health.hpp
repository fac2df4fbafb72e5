// /healthz, /livez and /readyz: what is asked, and what the answers come to.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// Answers /WHICH and /WHICH/CHECK. The store is really asked: this server is ready when it shows
/// all that was acknowledged anywhere, so not while nobody leads; it is alive as long as its own
/// part of the store is whole.
void answer_health(gateway& g, call_ptr c, const std::string& which, const std::string& check);

} // namespace troupe::gateway
