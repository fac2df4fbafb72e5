// Objects in their Protobuf form: whole, or with nothing but their metadata.
#pragma once

#include "actors/gateway/media.hpp"
#include "messages/schema/kind.hpp"

namespace troupe::gateway {

/// `object`'s bytes in an envelope, as `as` asks for them.
std::string sealed(const schema::kind& kind, const media& as, std::string_view object);

} // namespace troupe::gateway
