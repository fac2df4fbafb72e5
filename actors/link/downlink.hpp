// DOWNLINK: stands on the leader for the agent of a node that is at the other end of a LINK. To
// NODES it is an agent like any other.
#pragma once

#include "messages/interfaces.hpp"
#include "net/link/link.hpp"

namespace troupe {

/// `node` is who the peer is by its certificate: it may speak as nobody else. The actor ends with
/// its link, or when this server leads no more.
downlink_actor::behavior_type downlink(downlink_actor::pointer self, nodes_actor nodes,
                                       std::string node, std::shared_ptr<link::connection> over);

} // namespace troupe
