// Who may speak on the overlay: packets that come for it from any address but a peer's are dropped
// by the kernel, since VXLAN itself asks nobody who he is. A peer's address can be forged where the
// network lets it be; there an overlay needs encryption, which this is not.
#pragma once

#include "messages/base/address.hpp"
#include "messages/base/error.hpp"

namespace troupe::dataplane::overlay_guard {

/// Nobody may speak at this UDP port but peers; there are none yet. Harmless to repeat.
result<void> stand(uint16_t port);
result<void> admit(const address& peer);
result<void> dismiss(const address& peer);
/// Nothing of it is left.
void leave();

} // namespace troupe::dataplane::overlay_guard
