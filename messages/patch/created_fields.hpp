// The fields of an object that is new: what changed_fields() says of it compared with an empty one,
// but written at once from the object's JSON, without a tree. Creating is what clients do most.
#pragma once

#include "messages/base/json.hpp"
#include "messages/schema/type.hpp"

#include <string>
#include <string_view>

namespace troupe::patch {

/// fieldsV1 of the object in `text`, compact JSON of our own writing, without the fields that
/// belong to nobody. `empty` is the JSON of an object in which nothing was set.
std::string created_fields(std::string_view text, const json::value& empty,
                           const schema::type& type);

} // namespace troupe::patch
