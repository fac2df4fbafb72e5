// What deleting an object of a kind answers with.
#pragma once

#include "messages/schema/kind.hpp"

namespace troupe::schema {

/// Whether it is the object as it was, and not a Status.
bool returns_deleted(const kind& kind);

} // namespace troupe::schema
