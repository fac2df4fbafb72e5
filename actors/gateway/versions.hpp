// Kinds that are served in two shapes and stored in one: events of two groups, autoscalers of two
// versions. Everything else is stored as it is served, but for defaults that the schema of a custom
// kind has had since.
#pragma once

#include "messages/schema/kind.hpp"

#include <string>
#include <string_view>

namespace troupe::gateway {

/// The first part of the keys under which a kind's objects are stored.
std::string stored_resource(const schema::kind& kind);
/// Whether objects of the kind are stored in another shape.
bool converted(const schema::kind& kind);
/// The same, or objects may lack defaults.
bool shown_otherwise(const schema::kind& kind);
/// An object's bytes in its own shape, as they are stored, and back.
std::string to_stored(const schema::kind& kind, std::string_view bytes);
std::string from_stored(const schema::kind& kind, std::string_view bytes);

} // namespace troupe::gateway
