#include "actors/controllers/family.hpp"

#include "messages/api/meta.pb.h"
#include "messages/codec/wire.hpp"

namespace troupe::controllers {

namespace {

// Field numbers of Kubernetes' own: permanent.
constexpr uint32_t metadata_number = 1, owners_number = 13;
constexpr uint32_t kind_number = 1, name_number = 3, uid_number = 4, api_version_number = 5,
                   controller_number = 6;

} // namespace

std::optional<controller_ref> controller_of(std::string_view stored) {
  codec::wire::reader object(stored);
  while (object.next()) {
    if (object.number != metadata_number) continue;
    codec::wire::reader metadata(object.data);
    while (metadata.next()) {
      if (metadata.number != owners_number) continue;
      controller_ref ref;
      bool controls = false;
      codec::wire::reader owner(metadata.data);
      while (owner.next()) {
        if (owner.number == kind_number) ref.kind = owner.data;
        if (owner.number == name_number) ref.name = owner.data;
        if (owner.number == uid_number) ref.uid = owner.data;
        if (owner.number == api_version_number) ref.api_version = owner.data;
        if (owner.number == controller_number) controls = owner.value != 0;
      }
      if (controls) return ref;
    }
    return {};
  }
  return {};
}

k8s::meta::v1::ObjectMeta metadata_of(const storage::entry& entry) {
  k8s::meta::v1::ObjectMeta out;
  codec::wire::reader object(entry.value());
  while (object.next())
    if (object.number == metadata_number) {
      out.ParsePartialFromArray(object.data.data(), static_cast<int>(object.data.size()));
      break; // stored objects are canonical: it stands once
    }
  return out;
}

} // namespace troupe::controllers
