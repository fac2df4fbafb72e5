// Where the company plays: controllers, scheduler and NODES are actors of the server that leads.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// Has the server that leads answer the call: another one in its client's name, or `here`.
void at_the_leader(gateway& g, call_ptr c, std::function<void(call_ptr)> here);

} // namespace troupe::gateway
