#include "messages/codec/cells/view.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/storage_class.pb.h"

namespace troupe::codec {

namespace {

template<class Modes> std::string access_modes(const Modes& modes) {
  std::string out;
  for (auto& m : modes) {
    auto word = m == "ReadWriteOnce"      ? "RWO"
                : m == "ReadOnlyMany"     ? "ROX"
                : m == "ReadWriteMany"    ? "RWX"
                : m == "ReadWriteOncePod" ? "RWOP"
                                          : m.c_str();
    out.append(out.empty() ? "" : ",").append(word);
  }
  return out;
}

template<class Map> std::string storage(const Map& resources) {
  auto hit = resources.find("storage");
  return hit == resources.end() ? std::string{} : hit->second.string();
}

} // namespace

void add_storage_views(views& to) {
  using namespace k8s;
  add_view<core::v1::PersistentVolumeClaim>(
      to,
      {"Status", "Volume", "Capacity", "Access Modes", "StorageClass", "Age", "VolumeMode:wide"},
      [](const core::v1::PersistentVolumeClaim& c, int64_t now, json::array& out) {
        auto going = c.metadata().has_deletion_timestamp();
        bool bound = !c.spec().volume_name().empty();
        add(out,
            {going ? "Terminating" : c.status().phase(), c.spec().volume_name(),
             bound ? storage(c.status().capacity()) : "",
             bound ? access_modes(c.status().access_modes()) : "", c.spec().storage_class_name(),
             age_of(c, now), c.spec().has_volume_mode() ? c.spec().volume_mode() : "<unset>"});
      });
  add_view<core::v1::PersistentVolume>(
      to,
      {"Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass", "Reason",
       "Age", "VolumeMode:wide"},
      [](const core::v1::PersistentVolume& v, int64_t now, json::array& out) {
        auto& ref = v.spec().claim_ref();
        add(out, {storage(v.spec().capacity()), access_modes(v.spec().access_modes()),
                  v.spec().persistent_volume_reclaim_policy(),
                  v.metadata().has_deletion_timestamp() ? "Terminating" : v.status().phase(),
                  v.spec().has_claim_ref() ? ref.namespace_() + "/" + ref.name() : "",
                  v.spec().storage_class_name(), v.status().reason(), age_of(v, now),
                  v.spec().has_volume_mode() ? v.spec().volume_mode() : "<unset>"});
      });
  add_view<storage::v1::StorageClass>(
      to, {"Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"},
      [](const storage::v1::StorageClass& c, int64_t now, json::array& out) {
        auto is_default = [&](const char* key) {
          auto hit = c.metadata().annotations().find(key);
          return hit != c.metadata().annotations().end() && hit->second == "true";
        };
        if (is_default("storageclass.kubernetes.io/is-default-class") ||
            is_default("storageclass.beta.kubernetes.io/is-default-class"))
          out[0] = json::value(c.metadata().name() + " (default)");
        add(out, {c.provisioner(), c.has_reclaim_policy() ? c.reclaim_policy() : "Delete",
                  c.has_volume_binding_mode() ? c.volume_binding_mode() : "Immediate",
                  c.allow_volume_expansion(), age_of(c, now)});
      });
  add_view<storage::v1::VolumeAttributesClass>(
      to, {"DriverName", "Age"},
      [](const storage::v1::VolumeAttributesClass& c, int64_t now, json::array& out) {
        add(out, {c.driver_name(), age_of(c, now)});
      });
  add_view<storage::v1::VolumeAttachment>(
      to, {"Attacher", "PV", "Node", "Attached", "Age"},
      [](const storage::v1::VolumeAttachment& a, int64_t now, json::array& out) {
        add(out, {a.spec().attacher(), a.spec().source().persistent_volume_name(),
                  a.spec().node_name(), a.status().attached(), age_of(a, now)});
      });
  add_view<storage::v1::CSIDriver>(
      to,
      {"AttachRequired", "PodInfoOnMount", "StorageCapacity", "TokenRequests", "RequiresRepublish",
       "Modes", "Age"},
      [](const storage::v1::CSIDriver& d, int64_t now, json::array& out) {
        std::vector<std::string> audiences;
        for (auto& t : d.spec().token_requests()) audiences.push_back(t.audience());
        add(out, {!d.spec().has_attach_required() || d.spec().attach_required(),
                  d.spec().pod_info_on_mount(), d.spec().storage_capacity(),
                  d.spec().token_requests().empty() ? "<unset>" : joined(audiences),
                  d.spec().requires_republish(),
                  joined({d.spec().volume_lifecycle_modes().begin(),
                          d.spec().volume_lifecycle_modes().end()}),
                  age_of(d, now)});
      });
  add_view<storage::v1::CSINode>(to, {"Drivers:integer", "Age"},
                                 [](const storage::v1::CSINode& n, int64_t now, json::array& out) {
                                   add(out, {n.spec().drivers_size(), age_of(n, now)});
                                 });
  add_view<storage::v1::CSIStorageCapacity>(
      to, {"StorageClassName", "Capacity"},
      [](const storage::v1::CSIStorageCapacity& c, int64_t, json::array& out) {
        add(out, {c.storage_class_name(), c.capacity().string()});
      });
}

} // namespace troupe::codec
