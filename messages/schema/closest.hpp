// What a misspelt name was probably meant to be.
#pragma once

#include "messages/schema/type.hpp"

#include <string>
#include <string_view>

namespace troupe::schema {

/// Of the type's properties, the one that `name` is probably a misspelling of, or empty.
std::string closest(std::string_view name, const type& shape);

} // namespace troupe::schema
