// Which fields of which kinds can be selected, and the index that the store keeps of them. Pure.
#pragma once

#include "messages/schema/kind.hpp"
#include "storage/index.hpp"

#include <optional>
#include <string>

namespace troupe::gateway {

/// Under which name the index holds what a field selector calls `path`; nothing if the kind is not
/// selected by it.
std::optional<std::string> selectable(const schema::kind& kind, std::string_view path);

/// What is said to who selects by a field that is not selectable: each kind has its own words.
std::string not_selectable(const schema::kind& kind, const std::string& path);

/// Labels and selectable fields of an object (name and namespace stand in its key), packed.
std::string index_of(const schema::kind& kind, const google::protobuf::Message& object);

} // namespace troupe::gateway
