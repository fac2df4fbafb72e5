#include "messages/codec/cells/view.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/storage_class.pb.h"
#include "messages/schema/storage_class.hpp"

#include <algorithm>

namespace troupe::codec {

namespace {

/// In short, each once, in an order of their own.
template<class Modes> std::string access_modes(const Modes& modes) {
  constexpr std::pair<const char*, const char*> words[] = {{"ReadWriteOnce", "RWO"},
                                                           {"ReadOnlyMany", "ROX"},
                                                           {"ReadWriteMany", "RWX"},
                                                           {"ReadWriteOncePod", "RWOP"}};
  std::vector<std::string> out;
  for (auto& [mode, word] : words)
    if (std::find(modes.begin(), modes.end(), mode) != modes.end()) out.push_back(word);
  return joined(out, "");
}

template<class Object> std::string attributes_class_of(const Object& o) {
  return o.spec().has_volume_attributes_class_name() ? o.spec().volume_attributes_class_name()
                                                     : "<unset>";
}

template<class Object>
std::string marked_default(const Object& o, std::initializer_list<const char*> keys) {
  for (auto key : keys) {
    auto hit = o.metadata().annotations().find(key);
    if (hit != o.metadata().annotations().end() && hit->second == "true")
      return o.metadata().name() + " (default)";
  }
  return o.metadata().name();
}

template<class Map> std::string storage(const Map& resources) {
  auto hit = resources.find("storage");
  return hit == resources.end() ? std::string("0") : hit->second.string();
}

} // namespace

void add_storage_views(views& to) {
  using namespace k8s;
  add_view<core::v1::PersistentVolumeClaim>(
      to,
      {"Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass",
       "Age", "VolumeMode:wide"},
      [](const core::v1::PersistentVolumeClaim& c, int64_t now, json::array& out) {
        auto going = c.metadata().has_deletion_timestamp();
        bool bound = !c.spec().volume_name().empty();
        add(out, {going ? "Terminating" : c.status().phase(), c.spec().volume_name(),
                  bound ? storage(c.status().capacity()) : "",
                  bound ? access_modes(c.status().access_modes()) : "", schema::class_of(c),
                  attributes_class_of(c), age_of(c, now),
                  c.spec().has_volume_mode() ? c.spec().volume_mode() : "<unset>"});
      });
  add_view<core::v1::PersistentVolume>(
      to,
      {"Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass",
       "VolumeAttributesClass", "Reason", "Age", "VolumeMode:wide"},
      [](const core::v1::PersistentVolume& v, int64_t now, json::array& out) {
        auto& ref = v.spec().claim_ref();
        add(out, {storage(v.spec().capacity()), access_modes(v.spec().access_modes()),
                  v.spec().persistent_volume_reclaim_policy(),
                  v.metadata().has_deletion_timestamp() ? "Terminating" : v.status().phase(),
                  v.spec().has_claim_ref() ? ref.namespace_() + "/" + ref.name() : "",
                  schema::class_of(v), attributes_class_of(v), v.status().reason(), age_of(v, now),
                  v.spec().has_volume_mode() ? v.spec().volume_mode() : "<unset>"});
      });
  add_view<storage::v1::StorageClass>(
      to, {"Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"},
      [](const storage::v1::StorageClass& c, int64_t now, json::array& out) {
        out[0] =
            json::value(marked_default(c, {"storageclass.kubernetes.io/is-default-class",
                                           "storageclass.beta.kubernetes.io/is-default-class"}));
        add(out, {c.provisioner(), c.has_reclaim_policy() ? c.reclaim_policy() : "Delete",
                  c.has_volume_binding_mode() ? c.volume_binding_mode() : "Immediate",
                  c.allow_volume_expansion(), age_of(c, now)});
      });
  add_view<storage::v1::VolumeAttributesClass>(
      to, {"DriverName", "Age"},
      [](const storage::v1::VolumeAttributesClass& c, int64_t now, json::array& out) {
        out[0] = json::value(
            marked_default(c, {"volumeattributesclass.storage.kubernetes.io/is-default-class"}));
        add(out, {c.driver_name(), age_of(c, now)});
      });
  add_view<storage::v1::VolumeAttachment>(
      to, {"Attacher:name", "PV", "Node", "Attached:boolean", "Age"},
      [](const storage::v1::VolumeAttachment& a, int64_t now, json::array& out) {
        add(out, {a.spec().attacher(), a.spec().source().persistent_volume_name(),
                  a.spec().node_name(), a.status().attached(), age_of(a, now)});
      });
  add_view<storage::v1::CSIDriver>(
      to,
      {"AttachRequired:boolean", "PodInfoOnMount:boolean", "StorageCapacity:boolean",
       "TokenRequests", "RequiresRepublish:boolean", "Modes", "Age"},
      [](const storage::v1::CSIDriver& d, int64_t now, json::array& out) {
        std::vector<std::string> audiences;
        for (auto& t : d.spec().token_requests()) audiences.push_back(t.audience());
        add(out, {!d.spec().has_attach_required() || d.spec().attach_required(),
                  d.spec().pod_info_on_mount(), d.spec().storage_capacity(),
                  d.spec().token_requests().empty() ? "<unset>" : joined(audiences, ""),
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
        add(out, {c.storage_class_name(), c.has_capacity() ? c.capacity().string() : "<unset>"});
      });
}

} // namespace troupe::codec
