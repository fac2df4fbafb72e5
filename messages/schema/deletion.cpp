#include "messages/schema/deletion.hpp"

#include <set>

namespace troupe::schema {

bool returns_deleted(const kind& kind) {
  static const std::set<std::string_view> core{
      "Pod",           "PodTemplate",    "PersistentVolume", "PersistentVolumeClaim",
      "ResourceQuota", "ServiceAccount", "Service"};
  static const std::set<std::string_view> storage{"CSIDriver", "CSINode", "StorageClass",
                                                  "VolumeAttachment", "VolumeAttributesClass"};
  if (kind.custom()) return false;
  if (kind.group == "storage.k8s.io") return storage.contains(kind.name);
  return kind.group == "resource.k8s.io" || (kind.group.empty() && core.contains(kind.name));
}

} // namespace troupe::schema
