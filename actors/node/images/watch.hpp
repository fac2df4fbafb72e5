// A directory for machines without a registry: image archives that are put there are imported.
#pragma once

#include "actors/node/context.hpp"

namespace troupe::node {

/// Imports what lies in the directory of the settings, and from then on what is added or replaced.
/// Nothing if there is no such setting. Lives as long as the context's loop.
void watch_images(const context_ptr& with);

} // namespace troupe::node
