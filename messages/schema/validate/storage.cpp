// Storage classes, drivers, and what they attach.
#include "messages/schema/validate/volume_legacy.hpp"

#include "messages/api/storage_class.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;
using namespace k8s::storage::v1;

constexpr size_t parameters_bytes_max = 256 * 1024;
constexpr size_t parameters_max = 512;
constexpr size_t node_id_max = 256;

/// "example.com/driver": who makes volumes.
void provisioner(report& out, const path& at, const std::string& name) {
  if (!out.not_empty(at, name)) return;
  auto lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return tolower(c); });
  out.invalid(at, lower, names::qualified(lower));
}

/// What is handed to the provisioner as it stands.
void parameters(report& out, const path& at, const texts& map) {
  size_t bytes = 0;
  if (map.size() > parameters_max) return out.too_long(at, parameters_max);
  for (auto& [key, value] : map) {
    if (key.empty()) out.invalid(at, key, "field can not be empty.");
    bytes += key.size() + value.size();
  }
  if (bytes > parameters_bytes_max) out.too_long(at, parameters_bytes_max);
}

void storage_class(report& out, const StorageClass& c) {
  path at;
  provisioner(out, at / "provisioner", c.provisioner());
  parameters(out, at / "parameters", c.parameters());
  if (!c.reclaim_policy().empty())
    out.one_of(at / "reclaimPolicy", c.reclaim_policy(), {"Delete", "Retain"});
  out.one_of(at / "volumeBindingMode", c.volume_binding_mode(),
             {"Immediate", "WaitForFirstConsumer"});
  topology_terms(out, at / "allowedTopologies", c.allowed_topologies());
}

void storage_class_update(report& out, const StorageClass& c, const StorageClass& old) {
  path at;
  if (!equal_texts(c.parameters(), old.parameters()))
    out.forbidden(at / "parameters", "updates to parameters are forbidden.");
  if (c.provisioner() != old.provisioner())
    out.forbidden(at / "provisioner", "updates to provisioner are forbidden.");
  if (c.reclaim_policy() != old.reclaim_policy())
    out.forbidden(at / "reclaimPolicy", "updates to reclaimPolicy are forbidden.");
  out.immutable(at / "volumeBindingMode", c.volume_binding_mode(),
                c.volume_binding_mode() == old.volume_binding_mode());
}

void attachment(report& out, const VolumeAttachment& a) {
  constexpr const char* one =
      "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  path top;
  auto at = top / "spec";
  auto source = at / "source";
  auto name = source / "persistentVolumeName";
  auto& s = a.spec();
  bool by_name = s.source().has_persistent_volume_name(),
       in_line = s.source().has_inline_volume_spec();
  out.not_empty(at / "attacher", s.attacher());
  if (by_name && in_line)
    out.forbidden(source, one);
  else if (!by_name && !in_line)
    out.required(source, one);
  else if (by_name)
    out.not_empty(name, s.source().persistent_volume_name(),
                  "must specify non empty persistentVolumeName");
  else
    volume_spec(out, source / "inlineVolumeSpec", s.source().inline_volume_spec(), true);
  out.invalid(at / "nodeName", s.node_name(), names::dns_subdomain(s.node_name()));
}

void attachment_create(report& out, const VolumeAttachment& a) {
  path top;
  auto at = top / "spec";
  auto& source = a.spec().source();
  csi_driver_name(out, at / "attacher", a.spec().attacher());
  if (source.has_persistent_volume_name())
    out.invalid(at / "source.persistentVolumeName", source.persistent_volume_name(),
                names::dns_subdomain(source.persistent_volume_name()));
}

void attachment_update(report& out, const VolumeAttachment& a, const VolumeAttachment& old) {
  path at;
  out.immutable(at / "spec", &a.spec(), same(a.spec(), old.spec()));
}

void csi_driver(report& out, const CSIDriver& d) {
  path top;
  auto at = top / "spec";
  auto& s = d.spec();
  if (!s.has_attach_required()) out.required(at / "attachedRequired");
  if (!s.has_pod_info_on_mount()) out.required(at / "podInfoOnMount");
  if (!s.has_storage_capacity()) out.required(at / "storageCapacity");
  if (s.has_fs_group_policy())
    out.one_of(at / "fsGroupPolicy", s.fs_group_policy(),
               {"File", "None", "ReadWriteOnceWithFSType"});
  std::set<std::string_view> audiences;
  for (int i = 0; i < s.token_requests_size(); ++i) {
    auto here = at.at("tokenRequests", i);
    auto& t = s.token_requests(i);
    if (!audiences.insert(t.audience()).second) {
      out.duplicate(here / "audience", t.audience());
      continue;
    }
    if (t.has_expiration_seconds() && t.expiration_seconds() < 600)
      out.invalid(here / "expirationSeconds", t.expiration_seconds(),
                  "may not specify a duration less than 10 minutes");
    if (t.expiration_seconds() > int64_t{1} << 32)
      out.invalid(here / "expirationSeconds", t.expiration_seconds(),
                  "may not specify a duration larger than 2^32 seconds");
  }
  for (auto& mode : s.volume_lifecycle_modes())
    out.one_of(at / "volumeLifecycleModes", mode, {"Persistent", "Ephemeral"});
  if (s.has_node_allocatable_update_period_seconds() &&
      s.node_allocatable_update_period_seconds() < 10)
    out.invalid(at / "nodeAllocatableUpdatePeriodSeconds",
                s.node_allocatable_update_period_seconds(),
                "must be greater than or equal to 10 seconds");
}

void csi_driver_update(report& out, const CSIDriver& d, const CSIDriver& old) {
  path at;
  out.immutable(at / "spec.attachedRequired", d.spec().attach_required(),
                d.spec().attach_required() == old.spec().attach_required());
  strings now = d.spec().volume_lifecycle_modes(), before = old.spec().volume_lifecycle_modes();
  out.immutable(at / "spec.volumeLifecycleModes", shown::plain(json_of(now)),
                std::equal(now.begin(), now.end(), before.begin(), before.end()));
}

void csi_node(report& out, const CSINode& n) {
  path top;
  auto at = top / "spec";
  std::set<std::string_view> seen;
  for (int i = 0; i < n.spec().drivers_size(); ++i) {
    auto here = at.at("drivers", i);
    auto& d = n.spec().drivers(i);
    csi_driver_name(out, here / "name", d.name());
    if (out.not_empty(here / "nodeID", d.node_id()) && d.node_id().size() > node_id_max)
      out.invalid(here / "nodeID", d.node_id(), "must be 256 characters or less");
    if (d.has_allocatable() && d.allocatable().has_count())
      out.not_negative(here / "allocatable.count", d.allocatable().count());
    if (!seen.insert(d.name()).second) out.duplicate(here / "name", d.name());
    std::set<std::string_view> keys;
    for (auto& key : d.topology_keys()) { // told of the driver
      out.not_empty(here, key);
      if (!keys.insert(key).second) out.duplicate(here, key);
      out.invalid(here, key, names::qualified(key));
    }
  }
}

/// A driver that is registered does not change, except for what it can take.
void csi_node_update(report& out, const CSINode& n, const CSINode& old) {
  path top;
  for (auto& before : old.spec().drivers())
    for (auto& now : n.spec().drivers()) {
      if (now.name() != before.name()) continue;
      auto a = now, b = before;
      a.clear_allocatable(), b.clear_allocatable();
      if (!same(a, b)) out.invalid(top / "spec.drivers", now.name(), "field is immutable");
    }
}

void capacity(report& out, const CSIStorageCapacity& c) {
  path at;
  label_selector(out, at / "nodeTopology", c.node_topology());
  out.invalid(at / "storageClassName", c.storage_class_name(),
              names::dns_subdomain(c.storage_class_name()));
  if (c.has_capacity() && amount(c.capacity()).negative())
    out.invalid(at / "capacity", c.capacity().string(), "must be greater than or equal to 0");
}

void capacity_update(report& out, const CSIStorageCapacity& c, const CSIStorageCapacity& old) {
  path at;
  out.immutable(at / "nodeTopology", c.has_node_topology() ? &c.node_topology() : nullptr,
                same(c.node_topology(), old.node_topology()));
  out.immutable(at / "storageClassName", c.storage_class_name(),
                c.storage_class_name() == old.storage_class_name());
}

void attributes_class(report& out, const VolumeAttributesClass& c) {
  path at;
  provisioner(out, at / "driverName", c.driver_name());
  parameters(out, at / "parameters", c.parameters());
  if (c.parameters().empty())
    out.required(at / "parameters", "must contain at least one key/value pair");
}

void attributes_class_update(report& out, const VolumeAttributesClass& c,
                             const VolumeAttributesClass& old) {
  path at;
  if (c.driver_name() != old.driver_name())
    out.forbidden(at / "driverName", "updates to driverName are forbidden.");
  if (!equal_texts(c.parameters(), old.parameters()))
    out.forbidden(at / "parameters", "updates to parameters are forbidden.");
}

} // namespace

void csi_driver_name(report& out, const path& at, const std::string& name) {
  constexpr size_t most = 63;
  out.not_empty(at, name);
  if (name.size() > most) out.too_long(at, most);
  auto lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return tolower(c); });
  out.invalid(at, name, names::dns_subdomain(lower));
}

std::vector<row> storage_kinds() {
  return {
      kind_row<StorageClass>().any_time<storage_class>().on_update<storage_class_update>(),
      kind_row<VolumeAttachment>()
          .any_time<attachment>()
          .on_create<attachment_create>()
          .on_update<attachment_update>(),
      kind_row<CSIDriver>().any_time<csi_driver>().on_update<csi_driver_update>(),
      kind_row<CSINode>().any_time<csi_node>().on_update<csi_node_update>(),
      kind_row<CSIStorageCapacity>().any_time<capacity>().on_update<capacity_update>(),
      kind_row<VolumeAttributesClass>()
          .any_time<attributes_class>()
          .on_update<attributes_class_update>(),
  };
}

} // namespace troupe::schema::validate
