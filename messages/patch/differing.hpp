// What two versions of an object do not share, found in their bytes: most updates change a few
// fields of a large object, and whoever keeps the books of fields need not look at the rest.
#pragma once

#include <string>
#include <string_view>

namespace google::protobuf {
class Descriptor;
}

namespace troupe::patch {

struct two_versions {
  std::string before, after;
};

/// Both versions, canonical wire bytes of `type`, without the fields that stand in both byte for
/// byte. What differs is kept as it is, with everything on the way to it; of a list that has one
/// owner as a whole only so much is left that it differs.
two_versions differing(const google::protobuf::Descriptor& type, std::string_view before,
                       std::string_view after);

} // namespace troupe::patch
