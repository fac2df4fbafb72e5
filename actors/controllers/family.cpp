#include "actors/controllers/family.hpp"

#include "messages/api/meta.pb.h"
#include "messages/codec/stored_parts.hpp"

namespace troupe::controllers {

using namespace codec;

std::optional<controller_ref> controller_of(std::string_view stored) {
  wire::reader metadata(metadata_in(stored));
  while (metadata.next()) {
    if (metadata.number != meta_number::owners) continue;
    controller_ref ref;
    bool controls = false;
    wire::reader owner(metadata.data);
    while (owner.next()) {
      if (owner.number == owner_number::kind) ref.kind = owner.data;
      if (owner.number == owner_number::name) ref.name = owner.data;
      if (owner.number == owner_number::uid) ref.uid = owner.data;
      if (owner.number == owner_number::api_version) ref.api_version = owner.data;
      if (owner.number == owner_number::controller) controls = owner.value != 0;
    }
    if (controls) return ref;
  }
  return {};
}

bool is_going(std::string_view stored) {
  return has_part(metadata_in(stored), meta_number::deletion);
}

k8s::meta::v1::ObjectMeta metadata_of(const storage::entry& entry) {
  k8s::meta::v1::ObjectMeta out;
  auto bytes = metadata_in(entry.value());
  (void)out.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return out;
}

} // namespace troupe::controllers
