// The door of a node: what the API server asks of it about its pods, by the kubelet's own paths.
#pragma once

#include "actors/node/context.hpp"

namespace troupe::node {

std::shared_ptr<door> make_door(context_ptr with);

} // namespace troupe::node
