// The fields of an object that is new: what changed_fields() says of it compared with an empty one,
// but written at once from the object's bytes, without a tree. Creating is what clients do most.
#pragma once

#include "messages/schema/type.hpp"

#include <string>
#include <string_view>

namespace troupe::patch {

/// fieldsV1 of the object `wire`, canonical bytes of a built-in kind, without the fields that
/// belong to nobody.
std::string created_fields(std::string_view wire, const schema::type& type);

} // namespace troupe::patch
