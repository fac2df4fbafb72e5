// Where metadata stands on the wire, for who reads no more of a stored object than that. The
// numbers are Kubernetes' own: permanent.
#pragma once

#include "messages/codec/wire.hpp"

namespace troupe::codec {

namespace meta_number {
constexpr uint32_t uid = 5, deletion = 9, owners = 13, finalizers = 14;
}
namespace owner_number {
constexpr uint32_t kind = 1, name = 3, uid = 4, api_version = 5, controller = 6;
}

/// The metadata of any stored object, custom ones included. They are canonical: it stands once.
inline std::string_view metadata_in(std::string_view stored) {
  constexpr uint32_t metadata = 1;
  wire::reader object(stored);
  while (object.next())
    if (object.number == metadata) return object.data;
  return {};
}

} // namespace troupe::codec
