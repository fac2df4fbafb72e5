// The part of an object that a patch can touch, found in its bytes: most patches name a few fields
// of a large object, and only these need to become a tree and to be read again.
#pragma once

#include "messages/schema/type.hpp"

#include <string>
#include <string_view>

namespace troupe::patch {

struct split_object {
  std::string touched; ///< all that a merge patch or strategic merge patch looks at
  std::string rest;    ///< everything else; merging it over the patched part gives the whole
};

/// Parts `object`, canonical wire bytes of `type`, by the members that `patch` names.
split_object split_by_patch(const schema::type& type, std::string_view object,
                            const json::value& patch);

} // namespace troupe::patch
