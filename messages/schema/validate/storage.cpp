// Persistent volumes and claims, storage classes and drivers.
#include "messages/schema/validate/volume_legacy.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/storage_class.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;
using namespace k8s::storage::v1;

constexpr size_t parameters_bytes_max = 256 * 1024;
constexpr size_t parameters_max = 512;
constexpr size_t driver_name_max = 63;
constexpr size_t node_id_max = 192;

void access_modes(report& out, const path& at, const strings& modes, bool required) {
  auto here = at / "accessModes";
  if (modes.empty() && required) out.required(here, "at least 1 access mode is required");
  bool single = false;
  for (auto& mode : modes) {
    out.one_of(here, mode, {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
    single = single || mode == "ReadWriteOncePod";
  }
  if (single && modes.size() > 1)
    out.forbidden(here, "may not use ReadWriteOncePod with other access modes");
}

void csi_volume(report& out, const path& at, const CSIPersistentVolumeSource& v) {
  if (out.not_empty(at / "driver", v.driver())) {
    if (v.driver().size() > driver_name_max) out.too_long(at / "driver", driver_name_max);
    out.invalid(at / "driver", v.driver(), names::dns_subdomain(v.driver()));
  }
  out.not_empty(at / "volumeHandle", v.volume_handle());
  auto secret = [&](const char* name, bool given, const SecretReference& ref) {
    if (!given) return;
    auto here = at / name;
    out.not_empty(here / "name", ref.name());
    out.not_empty(here / "namespace", ref.namespace_());
  };
  secret("controllerPublishSecretRef", v.has_controller_publish_secret_ref(),
         v.controller_publish_secret_ref());
  secret("controllerExpandSecretRef", v.has_controller_expand_secret_ref(),
         v.controller_expand_secret_ref());
  secret("nodePublishSecretRef", v.has_node_publish_secret_ref(), v.node_publish_secret_ref());
  secret("nodeExpandSecretRef", v.has_node_expand_secret_ref(), v.node_expand_secret_ref());
  secret("nodeStageSecretRef", v.has_node_stage_secret_ref(), v.node_stage_secret_ref());
}

void local(report& out, const path& at, const LocalVolumeSource& v) {
  if (out.not_empty(at / "path", v.path()))
    out.invalid(at / "path", v.path(), names::no_back_steps(v.path()));
}

/// A possible source: its name, whether it is there, and its rules.
struct source_row {
  const char* name;
  bool (*there)(const PersistentVolumeSource&);
  void (*check)(report&, const path&, const PersistentVolumeSource&);
};

#define SOURCE(NAME, FIELD, RULE)                                                                  \
  {                                                                                                \
    NAME, [](const PersistentVolumeSource& v) { return v.has_##FIELD(); },                         \
        [](report& out, const path& at, const PersistentVolumeSource& v) {                         \
          RULE(out, at, v.FIELD());                                                                \
        }                                                                                          \
  }

const source_row sources[] = {
    SOURCE("hostPath", host_path, host_path),
    SOURCE("gcePersistentDisk", gce_persistent_disk, legacy::gce_disk),
    SOURCE("awsElasticBlockStore", aws_elastic_block_store, legacy::aws_disk),
    SOURCE("glusterfs", glusterfs, legacy::glusterfs),
    SOURCE("flocker", flocker, legacy::flocker),
    SOURCE("nfs", nfs, legacy::nfs),
    SOURCE("rbd", rbd, legacy::rbd),
    SOURCE("quobyte", quobyte, legacy::quobyte),
    SOURCE("cephfs", cephfs, legacy::cephfs),
    SOURCE("iscsi", iscsi, legacy::iscsi),
    SOURCE("cinder", cinder, legacy::cinder),
    SOURCE("fc", fc, legacy::fibre_channel),
    SOURCE("flexVolume", flex_volume, legacy::flex),
    SOURCE("azureFile", azure_file, legacy::azure_file),
    SOURCE("vsphereVolume", vsphere_volume, legacy::vsphere),
    SOURCE("photonPersistentDisk", photon_persistent_disk, legacy::photon),
    SOURCE("portworxVolume", portworx_volume, legacy::portworx),
    SOURCE("azureDisk", azure_disk, legacy::azure_disk),
    SOURCE("scaleIO", scale_io, legacy::scale_io),
    SOURCE("local", local, local),
    SOURCE("storageos", storageos, legacy::storage_os),
    SOURCE("csi", csi, csi_volume),
};

#undef SOURCE

void volume(report& out, const PersistentVolume& v) {
  path top;
  volume_spec(out, top / "spec", v.spec(), false);
}

void volume_update(report& out, const PersistentVolume& v, const PersistentVolume& old) {
  path top;
  auto at = top / "spec";
  // Secrets of a driver may be given to a volume that has none.
  auto source = v.spec().persistent_volume_source();
  if (source.has_csi()) {
    source.mutable_csi()->clear_controller_expand_secret_ref();
    source.mutable_csi()->clear_node_expand_secret_ref();
  }
  auto before = old.spec().persistent_volume_source();
  if (before.has_csi()) {
    before.mutable_csi()->clear_controller_expand_secret_ref();
    before.mutable_csi()->clear_node_expand_secret_ref();
  }
  if (!same(source, before))
    out.forbidden(at / "persistentvolumesource",
                  "spec.persistentvolumesource is immutable after creation");
  out.immutable(at / "volumeMode", v.spec().volume_mode(),
                v.spec().volume_mode() == old.spec().volume_mode());
  if (old.spec().has_node_affinity())
    out.immutable(at / "nodeAffinity", "",
                  same(v.spec().node_affinity(), old.spec().node_affinity()));
}

bool bound(const PersistentVolumeClaim& c) { return c.status().phase() == "Bound"; }

quantity storage(const amounts& map) {
  auto found = map.find("storage");
  return found == map.end() ? quantity() : amount(found->second);
}

void claim(report& out, const PersistentVolumeClaim& c) {
  path top;
  claim_spec(out, top / "spec", c.spec());
}

void claim_update(report& out, const PersistentVolumeClaim& c,
                  const PersistentVolumeClaim& before) {
  path top;
  auto at = top / "spec";
  auto& now = c.spec();
  auto& old = before.spec();
  PersistentVolumeClaimSpec wanted = old;
  if (old.volume_name().empty()) wanted.set_volume_name(now.volume_name());
  if (bound(before)) *wanted.mutable_resources()->mutable_requests() = now.resources().requests();
  // A class may be given to a claim that has none; the attributes of its volume may change.
  if (!old.has_storage_class_name() && now.has_storage_class_name())
    wanted.set_storage_class_name(now.storage_class_name());
  wanted.set_volume_attributes_class_name(now.volume_attributes_class_name());
  *wanted.mutable_data_source_ref() = now.data_source_ref();
  if (old.has_data_source_ref() && !same(now.data_source_ref(), old.data_source_ref()))
    out.forbidden(at, "spec is immutable after creation except resources.requests and "
                      "volumeAttributesClassName for bound claims");
  else if (!same(now, wanted))
    out.forbidden(at, "spec is immutable after creation except resources.requests and "
                      "volumeAttributesClassName for bound claims");
  if (storage(now.resources().requests()) < storage(old.resources().requests()) &&
      storage(now.resources().requests()) <= storage(before.status().capacity()))
    out.forbidden(at / "resources.requests.storage", "field can not be less than status.capacity");
  out.immutable(at / "volumeMode", now.volume_mode(), now.volume_mode() == old.volume_mode());
}

void claim_status(report& out, const PersistentVolumeClaim& c, const PersistentVolumeClaim&) {
  path top;
  auto at = top / "status";
  auto capacity = at / "capacity";
  for (auto& [name, value] : c.status().capacity()) {
    auto here = capacity.key(name);
    resource_amount(out, here, name, value);
  }
  for (int i = 0; i < c.status().conditions_size(); ++i)
    if (c.status().conditions(i).type().empty()) {
      auto here = at.at("conditions", i);
      out.required(here / "type");
    }
}

void storage_class(report& out, const StorageClass& c) {
  path at;
  auto provisioner = at / "provisioner";
  if (out.not_empty(provisioner, c.provisioner())) {
    auto lower = c.provisioner();
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char ch) { return tolower(ch); });
    out.invalid(provisioner, c.provisioner(), names::qualified(lower));
  }
  auto parameters = at / "parameters";
  size_t bytes = 0;
  if (c.parameters().size() > parameters_max) out.too_long(parameters, parameters_max);
  for (auto& [key, value] : c.parameters()) {
    if (key.empty()) out.invalid(parameters, key, "field can not be empty");
    bytes += key.size() + value.size();
  }
  if (bytes > parameters_bytes_max) out.too_long(parameters, parameters_bytes_max);
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
  path top;
  auto at = top / "spec";
  auto source = at / "source";
  auto& s = a.spec();
  if (out.not_empty(at / "attacher", s.attacher()))
    out.invalid(at / "attacher", s.attacher(), names::qualified(s.attacher()));
  bool by_name = s.source().has_persistent_volume_name(),
       in_line = s.source().has_inline_volume_spec();
  if (by_name && in_line)
    out.forbidden(source, "must not specify inlineVolumeSpec and persistentVolumeName at once");
  else if (!by_name && !in_line)
    out.required(source, "must specify either inlineVolumeSpec or persistentVolumeName");
  else if (by_name && s.source().persistent_volume_name().empty())
    out.required(source / "persistentVolumeName", "must specify non empty persistentVolumeName");
  else if (in_line)
    volume_spec(out, source / "inlineVolumeSpec", s.source().inline_volume_spec(), true);
  out.name(at / "nodeName", s.node_name(), names::dns_subdomain);
}

void attachment_update(report& out, const VolumeAttachment& a, const VolumeAttachment& old) {
  path at;
  out.immutable(at / "spec", a.spec().attacher(), same(a.spec(), old.spec()));
}

void csi_driver(report& out, const CSIDriver& d) {
  path top;
  auto at = top / "spec";
  auto& s = d.spec();
  if (!s.has_attach_required()) out.required(at / "attachedRequired");
  if (!s.has_pod_info_on_mount()) out.required(at / "podInfoOnMount");
  if (!s.has_storage_capacity()) out.required(at / "storageCapacity");
  if (!s.fs_group_policy().empty())
    out.one_of(at / "fsGroupPolicy", s.fs_group_policy(),
               {"File", "None", "ReadWriteOnceWithFSType"});
  for (auto& mode : s.volume_lifecycle_modes())
    out.one_of(at / "volumeLifecycleModes", mode, {"Ephemeral", "Persistent"});
  std::set<std::string_view> audiences;
  for (int i = 0; i < s.token_requests_size(); ++i) {
    auto here = at.at("tokenRequests", i);
    auto& t = s.token_requests(i);
    if (!audiences.insert(t.audience()).second) out.duplicate(here / "audience", t.audience());
    if (t.has_expiration_seconds() && t.expiration_seconds() < 600)
      out.invalid(here / "expirationSeconds", t.expiration_seconds(),
                  "may not specify a duration less than 10 minutes");
    if (t.expiration_seconds() > int64_t{1} << 32)
      out.invalid(here / "expirationSeconds", t.expiration_seconds(),
                  "may not specify a duration larger than 2^32 seconds");
  }
}

void csi_driver_create(report& out, const CSIDriver& d) {
  path at;
  if (d.metadata().name().size() > driver_name_max)
    out.too_long(at / "metadata.name", driver_name_max);
}

void csi_driver_update(report& out, const CSIDriver& d, const CSIDriver& old) {
  path at;
  out.immutable(at / "spec.attachedRequired", d.spec().attach_required(),
                d.spec().attach_required() == old.spec().attach_required());
  strings now = d.spec().volume_lifecycle_modes(), before = old.spec().volume_lifecycle_modes();
  out.immutable(at / "spec.volumeLifecycleModes", "",
                std::equal(now.begin(), now.end(), before.begin(), before.end()));
}

void csi_node(report& out, const CSINode& n) {
  path top;
  auto at = top / "spec";
  std::set<std::string_view> seen;
  for (int i = 0; i < n.spec().drivers_size(); ++i) {
    auto here = at.at("drivers", i);
    auto& d = n.spec().drivers(i);
    if (out.name(here / "name", d.name(), names::dns_subdomain) && !seen.insert(d.name()).second)
      out.duplicate(here / "name", d.name());
    if (out.not_empty(here / "nodeID", d.node_id()) && d.node_id().size() > node_id_max)
      out.invalid(here / "nodeID", d.node_id(), "must be 192 characters or less");
    std::set<std::string_view> keys;
    auto topology = here / "topologyKeys";
    for (auto& key : d.topology_keys()) {
      if (!keys.insert(key).second) out.duplicate(topology, key);
      out.invalid(topology, key, names::qualified(key));
    }
    if (d.has_allocatable() && d.allocatable().has_count())
      out.not_negative(here / "allocatable.count", d.allocatable().count());
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
  out.invalid(at / "storageClassName", c.storage_class_name(),
              names::dns_subdomain(c.storage_class_name()));
  if (c.has_node_topology()) label_selector(out, at / "nodeTopology", c.node_topology());
  if (c.has_capacity() && amount(c.capacity()).negative())
    out.invalid(at / "capacity", c.capacity().string(), "must be greater than or equal to 0");
  if (c.has_maximum_volume_size() && amount(c.maximum_volume_size()).negative())
    out.invalid(at / "maximumVolumeSize", c.maximum_volume_size().string(),
                "must be greater than or equal to 0");
}

void capacity_update(report& out, const CSIStorageCapacity& c, const CSIStorageCapacity& old) {
  path at;
  out.immutable(at / "nodeTopology", "", same(c.node_topology(), old.node_topology()));
  out.immutable(at / "storageClassName", c.storage_class_name(),
                c.storage_class_name() == old.storage_class_name());
}

void attributes_class(report& out, const VolumeAttributesClass& c) {
  path at;
  if (out.not_empty(at / "driverName", c.driver_name()))
    out.invalid(at / "driverName", c.driver_name(), names::dns_subdomain(c.driver_name()));
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

void volume_spec(report& out, const path& at, const PersistentVolumeSpec& s, bool in_line) {
  access_modes(out, at, s.access_modes(), true);
  if (in_line) {
    if (!s.capacity().empty())
      out.forbidden(at / "capacity", "may not be specified in the context of inline volumes");
    if (s.has_claim_ref())
      out.forbidden(at / "claimRef", "may not be specified in the context of inline volumes");
  } else {
    auto capacity = at / "capacity";
    if (s.capacity().empty())
      out.required(capacity);
    else if (!s.capacity().contains("storage") || s.capacity().size() > 1)
      out.not_supported(capacity, "", {"storage"});
    for (auto& [name, value] : s.capacity()) {
      auto here = capacity.key(name);
      resource_amount(out, here, name, value);
      if (!(amount(value) > quantity()))
        out.invalid(here, value.string(), "must be greater than zero");
    }
    if (!s.persistent_volume_reclaim_policy().empty())
      out.one_of(at / "persistentVolumeReclaimPolicy", s.persistent_volume_reclaim_policy(),
                 {"Delete", "Recycle", "Retain"});
  }
  auto affinity_at = at / "nodeAffinity";
  if (s.has_node_affinity()) {
    if (s.node_affinity().has_required())
      node_selector(out, affinity_at / "required", s.node_affinity().required());
    else
      out.required(affinity_at / "required", "must specify required node constraints");
  }
  int count = 0;
  for (auto& row : sources) {
    if (!row.there(s.persistent_volume_source())) continue;
    if (++count > 1)
      out.forbidden(at / row.name, "may not specify more than 1 volume type");
    else
      row.check(out, at / row.name, s.persistent_volume_source());
  }
  if (count == 0) out.required(at, "must specify a volume type");
  auto& source = s.persistent_volume_source();
  if (source.has_local() && !s.has_node_affinity())
    out.required(affinity_at, "Local volume requires node affinity");
  if (source.has_host_path() && source.host_path().path() == "/" &&
      s.persistent_volume_reclaim_policy() == "Recycle")
    out.forbidden(at / "persistentVolumeReclaimPolicy",
                  "may not be 'recycle' for a hostPath mount of '/'");
  out.optional_name(at / "storageClassName", s.storage_class_name(), names::dns_subdomain);
  if (!s.volume_mode().empty())
    out.one_of(at / "volumeMode", s.volume_mode(), {"Block", "Filesystem"});
  out.optional_name(at / "volumeAttributesClassName", s.volume_attributes_class_name(),
                    names::dns_subdomain);
}

void claim_spec(report& out, const path& at, const PersistentVolumeClaimSpec& s) {
  access_modes(out, at, s.access_modes(), true);
  if (s.has_selector()) label_selector(out, at / "selector", s.selector());
  auto resources = at / "resources";
  auto found = s.resources().requests().find("storage");
  if (found == s.resources().requests().end()) {
    out.required(resources.key("storage"));
  } else {
    auto here = resources.key("storage");
    resource_amount(out, here, "storage", found->second);
    if (!(amount(found->second) > quantity()))
      out.invalid(here, found->second.string(), "must be greater than zero");
  }
  if (s.has_storage_class_name())
    out.optional_name(at / "storageClassName", s.storage_class_name(), names::dns_subdomain);
  if (s.has_volume_mode()) out.one_of(at / "volumeMode", s.volume_mode(), {"Block", "Filesystem"});
  auto reference = [&](const char* field, const auto& ref) {
    auto here = at / field;
    out.not_empty(here / "name", ref.name());
    out.not_empty(here / "kind", ref.kind());
    if (ref.api_group().empty() && ref.kind() != "PersistentVolumeClaim")
      out.invalid(here, ref.kind(),
                  "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
    if (!ref.api_group().empty())
      out.invalid(here / "apiGroup", ref.api_group(), names::dns_subdomain(ref.api_group()));
  };
  if (s.has_data_source()) reference("dataSource", s.data_source());
  if (s.has_data_source_ref()) reference("dataSourceRef", s.data_source_ref());
  if (s.has_data_source() && s.has_data_source_ref() &&
      (s.data_source().kind() != s.data_source_ref().kind() ||
       s.data_source().name() != s.data_source_ref().name()))
    out.invalid(at, s.data_source().name(), "must match dataSourceRef");
  out.optional_name(at / "volumeAttributesClassName", s.volume_attributes_class_name(),
                    names::dns_subdomain);
}

std::vector<row> storage_kinds() {
  return {
      kind_row<PersistentVolume>().any_time<volume>().on_update<volume_update>(),
      kind_row<PersistentVolumeClaim>()
          .any_time<claim>()
          .on_update<claim_update>()
          .on_status<claim_status>(),
      kind_row<StorageClass>().any_time<storage_class>().on_update<storage_class_update>(),
      kind_row<VolumeAttachment>().any_time<attachment>().on_update<attachment_update>(),
      kind_row<CSIDriver>()
          .any_time<csi_driver>()
          .on_create<csi_driver_create>()
          .on_update<csi_driver_update>(),
      kind_row<CSINode>().any_time<csi_node>().on_update<csi_node_update>(),
      kind_row<CSIStorageCapacity>().any_time<capacity>().on_update<capacity_update>(),
      kind_row<VolumeAttributesClass>()
          .any_time<attributes_class>()
          .on_update<attributes_class_update>(),
  };
}

} // namespace troupe::schema::validate
