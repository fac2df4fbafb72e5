// Claims without a class get the default one; claims and volumes in use are protected by a
// finalizer. Claims grow only where their class lets them.
#include "actors/gateway/admission/parts.hpp"

#include "actors/volumes/binding.hpp"
#include "messages/base/finalizers.hpp"
#include "messages/base/quantity.hpp"
#include "messages/schema/storage_class.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::core::v1::PersistentVolumeClaim;

void protect(k8s::meta::v1::ObjectMeta& m, const char* finalizer) {
  if (std::find(m.finalizers().begin(), m.finalizers().end(), finalizer) == m.finalizers().end())
    m.add_finalizers(finalizer);
}

quantity storage_of(const PersistentVolumeClaim& c) {
  auto& requests = c.spec().resources().requests();
  auto hit = requests.find("storage");
  if (hit == requests.end()) return {};
  auto read = quantity::parse(hit->second.string());
  return read ? *read : quantity{};
}

} // namespace

result<void> review_storage(const admission_request& r) {
  auto claim = as<PersistentVolumeClaim>(r);
  if (!claim || r.creating() || r.c.sub) return {};
  auto& before = *old_as<PersistentVolumeClaim>(r);
  if (storage_of(*claim) <= storage_of(before)) return {};
  auto refuse = [&](const char* why) {
    return forbidden(*r.c.kind, claim->metadata().name(), why);
  };
  if (before.status().phase() != "Bound")
    return refuse("Only bound persistent volume claims can be expanded");
  auto& name = schema::class_of(*claim);
  auto found = name.empty() || name != schema::class_of(before)
                   ? nullptr
                   : find_object<k8s::storage::v1::StorageClass>(r, "storage.k8s.io", "v1",
                                                                 "storageclasses", {}, name);
  if (found && found->allow_volume_expansion()) return {};
  return refuse("only dynamically provisioned pvc can be resized and the storageclass that "
                "provisions the pvc must support resize");
}

result<void> admit_storage(const admission_request& r) {
  if (!r.creating()) return {};
  if (auto volume = as<k8s::core::v1::PersistentVolume>(r)) {
    protect(*volume->mutable_metadata(), finalizers::volume);
    volume->mutable_status()->set_phase("Pending");
  }
  auto claim = as<PersistentVolumeClaim>(r);
  if (!claim) return {};
  protect(*claim->mutable_metadata(), finalizers::claim);
  claim->mutable_status()->set_phase("Pending");
  if (!volumes::takes_default(*claim)) return {};
  std::vector<volumes::StorageClass> classes;
  each_object<volumes::StorageClass>(r, "storage.k8s.io", "v1", "storageclasses", {},
                                     [&](auto& c, auto&) { classes.push_back(c); });
  if (auto chosen = volumes::default_of(classes))
    claim->mutable_spec()->set_storage_class_name(chosen->metadata().name());
  return {};
}

} // namespace troupe::gateway
