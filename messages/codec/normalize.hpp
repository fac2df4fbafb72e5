// Protobuf from clients, made what our own JSON decoder would have made of the same object: Go
// writes zeros that mean nothing, and quantities in whatever form they came.
#pragma once

#include "messages/base/error.hpp"
#include "messages/schema/type.hpp"

#include <string>
#include <string_view>

namespace troupe::codec {

/// Appends `bytes`, an object of `type`, to `out` without meaningless zeros and with canonical
/// quantities. bad_request if a quantity or the bytes are malformed.
result<void> normalize(const schema::type& type, std::string_view bytes, std::string& out);

} // namespace troupe::codec
