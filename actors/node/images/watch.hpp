// What happens to a machine's images beside pulls: archives put into a directory are imported, for
// machines without a registry; the node's status follows whatever changes; and those that nothing
// needs go when the disk is full.
#pragma once

#include "actors/node/context.hpp"

namespace troupe::node {

/// Imports what lies in the directory of the settings, if there is one, and from then on what is
/// added or replaced. Lives as long as the context's loop.
void watch_images(const context_ptr& with);

/// Removes pulled images that no pod needs if the disk is too full.
void collect_images(context& with);

} // namespace troupe::node
