// Questions that are asked by creating an object that is never stored: who am I, may they, what may
// I.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

bool is_review(const schema::kind& kind);
void review(gateway& g, call_ptr c);

} // namespace troupe::gateway
