// The directory of static pods: what its files say is wanted, from the start and whenever one of
// them changes.
#pragma once

#include "actors/node/context.hpp"

namespace troupe::node {

/// Reads the directory of the settings, and again whenever it changes; the NODE AGENT is woken
/// then. Of a file that has become unreadable the last readable version counts. Nothing if there is
/// no such setting. Lives as long as the context's loop.
void watch_manifests(const context_ptr& with);

} // namespace troupe::node
