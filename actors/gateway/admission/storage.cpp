// Claims without a class get the default one; claims and volumes in use are protected by a
// finalizer.
#include "actors/gateway/admission/parts.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/storage_class.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

void protect(k8s::meta::v1::ObjectMeta& m, const char* finalizer) {
  if (std::find(m.finalizers().begin(), m.finalizers().end(), finalizer) == m.finalizers().end())
    m.add_finalizers(finalizer);
}

} // namespace

result<void> admit_storage(const admission_request& r) {
  if (!r.creating()) return {};
  if (auto volume = as<k8s::core::v1::PersistentVolume>(r)) {
    protect(*volume->mutable_metadata(), "kubernetes.io/pv-protection");
    volume->mutable_status()->set_phase("Pending");
  }
  auto claim = as<k8s::core::v1::PersistentVolumeClaim>(r);
  if (!claim) return {};
  protect(*claim->mutable_metadata(), "kubernetes.io/pvc-protection");
  claim->mutable_status()->set_phase("Pending");
  bool says = claim->spec().has_storage_class_name() ||
              claim->metadata().annotations().contains("volume.beta.kubernetes.io/storage-class");
  if (says) return {};
  std::optional<k8s::storage::v1::StorageClass> chosen;
  each_object<k8s::storage::v1::StorageClass>(
      r, "storage.k8s.io", "v1", "storageclasses", {}, [&](auto& c, auto&) {
        auto hit = c.metadata().annotations().find("storageclass.kubernetes.io/is-default-class");
        if (hit == c.metadata().annotations().end() || hit->second != "true") return;
        // Of several, the newest.
        if (!chosen || chosen->metadata().creation_timestamp().seconds() <
                           c.metadata().creation_timestamp().seconds())
          chosen = c;
      });
  if (chosen) claim->mutable_spec()->set_storage_class_name(chosen->metadata().name());
  return {};
}

} // namespace troupe::gateway
