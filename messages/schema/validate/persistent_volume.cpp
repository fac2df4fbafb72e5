// Persistent volumes and claims to them.
#include "messages/schema/validate/volume_legacy.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/schema/storage_class.hpp"

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

void access_modes(report& out, const path& at, const strings& modes) {
  auto here = at / "accessModes";
  bool single = false, shared = false;
  for (auto& mode : modes) {
    bool known = out.one_of(here, mode,
                            {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
    single = single || mode == "ReadWriteOncePod";
    shared = shared || (known && mode != "ReadWriteOncePod");
  }
  if (single && shared) out.forbidden(here, "may not use ReadWriteOncePod with other access modes");
}

void csi_volume(report& out, const path& at, const CSIPersistentVolumeSource& v) {
  csi_driver_name(out, at / "driver", v.driver());
  out.not_empty(at / "volumeHandle", v.volume_handle());
  auto secret = [&](const char* name, bool given, const SecretReference& ref) {
    if (!given) return;
    auto here = at / name;
    out.name(here / "name", ref.name(), names::dns_subdomain);
    out.name(here / "namespace", ref.namespace_(), names::dns_label);
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

/// A possible source: its name, whether it is there, and its rules. `told` is what Kubernetes calls
/// it in faults, `twice` in those about a second source.
struct source_row {
  const char* told;
  const char* twice;
  bool (*there)(const PersistentVolumeSource&);
  void (*check)(report&, const path&, const PersistentVolumeSource&);
};

#define SOURCE(NAME, FIELD, RULE) ODDLY_NAMED(NAME, NAME, FIELD, RULE)
#define ODDLY_NAMED(TOLD, TWICE, FIELD, RULE)                                                      \
  {                                                                                                \
    TOLD, TWICE, [](const PersistentVolumeSource& v) { return v.has_##FIELD(); },                  \
        [](report& out, const path& at, const PersistentVolumeSource& v) {                         \
          RULE(out, at, v.FIELD());                                                                \
        }                                                                                          \
  }

const source_row sources[] = {
    SOURCE("hostPath", host_path, host_path),
    ODDLY_NAMED("persistentDisk", "gcePersistentDisk", gce_persistent_disk, legacy::gce_disk),
    SOURCE("awsElasticBlockStore", aws_elastic_block_store, legacy::aws_disk),
    SOURCE("glusterfs", glusterfs, legacy::glusterfs),
    SOURCE("flocker", flocker, legacy::flocker),
    SOURCE("nfs", nfs, legacy::nfs),
    SOURCE("rbd", rbd, legacy::rbd),
    SOURCE("quobyte", quobyte, legacy::quobyte),
    ODDLY_NAMED("cephfs", "cephFS", cephfs, legacy::cephfs),
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
#undef ODDLY_NAMED

void volume(report& out, const PersistentVolume& v) {
  path top;
  volume_spec(out, top / "spec", v.spec(), false);
  auto iscsi = top / "spec.iscsi";
  auto& source = v.spec().persistent_volume_source();
  if (source.has_iscsi())
    legacy::iscsi_name(out, iscsi / "targetportal", source.iscsi().target_portal(),
                       v.metadata().name(), source.iscsi());
}

/// Labels of nodes that had other names before they were stable.
VolumeNodeAffinity with_stable_labels(VolumeNodeAffinity a) {
  constexpr std::pair<std::string_view, std::string_view> renamed[] = {
      {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
      {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
      {"beta.kubernetes.io/os", "kubernetes.io/os"},
      {"beta.kubernetes.io/arch", "kubernetes.io/arch"},
      {"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"}};
  for (auto& term : *a.mutable_required()->mutable_node_selector_terms())
    for (auto& e : *term.mutable_match_expressions())
      for (auto& [beta, stable] : renamed)
        if (e.key() == beta) e.set_key(std::string(stable));
  return a;
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
  // Kubernetes tells these two without the step of the spec.
  out.immutable(top / "volumeMode", v.spec().volume_mode(),
                v.spec().volume_mode() == old.spec().volume_mode());
  if (old.spec().has_node_affinity() && !same(with_stable_labels(v.spec().node_affinity()),
                                              with_stable_labels(old.spec().node_affinity())))
    out.invalid(top / "nodeAffinity", "",
                "field is immutable, except for updating from beta label to GA");
  if (old.spec().has_volume_attributes_class_name() && !v.spec().has_volume_attributes_class_name())
    out.forbidden(at / "volumeAttributesClassName",
                  "update from non-nil value to nil is forbidden");
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
  // A class may be given to a claim that has none, or that had it in an annotation.
  auto note = noted_class(c), note_before = noted_class(before);
  if (!old.has_storage_class_name() && now.has_storage_class_name() &&
      (!note_before || *note_before == now.storage_class_name()))
    wanted.set_storage_class_name(now.storage_class_name());
  else if ((note ? *note : "") != (note_before ? *note_before : "")) {
    auto notes = top / "metadata.annotations";
    out.invalid(notes / beta_class, note ? *note : "", "field is immutable");
  }
  if (bound(before)) {
    auto asked = now.resources().requests().find("storage");
    auto& requests = *wanted.mutable_resources()->mutable_requests();
    if (asked != now.resources().requests().end()) requests["storage"] = asked->second;
    if (now.has_volume_attributes_class_name())
      wanted.set_volume_attributes_class_name(now.volume_attributes_class_name());
  }
  if (!same(now, wanted))
    out.forbidden(at, "spec is immutable after creation except resources.requests and "
                      "volumeAttributesClassName for bound claims");
  if (storage(now.resources().requests()) < storage(old.resources().requests()) &&
      storage(now.resources().requests()) <= storage(before.status().capacity()))
    out.forbidden(at / "resources.requests.storage", "field can not be less than status.capacity");
  // Kubernetes tells it without the step of the spec.
  out.immutable(top / "volumeMode", now.volume_mode(), now.volume_mode() == old.volume_mode());
  if (!old.has_volume_attributes_class_name()) return;
  auto attributes = at / "volumeAttributesClassName";
  if (!now.has_volume_attributes_class_name())
    out.forbidden(attributes, "update from non-nil value to nil is forbidden");
  else if (now.volume_attributes_class_name().empty() &&
           !old.volume_attributes_class_name().empty())
    out.forbidden(attributes, "update from non-nil value to an empty string is forbidden");
}

void claim_status(report& out, const PersistentVolumeClaim& c, const PersistentVolumeClaim&) {
  path top;
  auto at = top / "status";
  auto capacity = at / "capacity";
  if (c.spec().access_modes().empty()) out.required(top / "Spec.accessModes");
  for (auto& [name, value] : c.status().capacity()) {
    auto here = capacity.key(name);
    resource_amount(out, here, name, value);
  }
}

} // namespace

void volume_spec(report& out, const path& at, const PersistentVolumeSpec& s, bool in_line) {
  auto& source = s.persistent_volume_source();
  constexpr const char* not_in_line = "may not be specified in the context of inline volumes";
  if (in_line) {
    if (s.has_claim_ref()) out.forbidden(at / "claimRef", not_in_line);
    if (!s.capacity().empty()) out.forbidden(at / "capacity", not_in_line);
    if (!source.has_csi())
      out.required(at / "csi", "has to be specified in the context of inline volumes");
  }
  if (s.access_modes().empty()) out.required(at / "accessModes");
  access_modes(out, at, s.access_modes());
  auto policy = at / "persistentVolumeReclaimPolicy";
  if (in_line) {
    if (!s.persistent_volume_reclaim_policy().empty() &&
        s.persistent_volume_reclaim_policy() != "Retain")
      out.forbidden(policy, "may only be Retain in the context of inline volumes");
  } else {
    auto capacity = at / "capacity";
    if (s.capacity().empty()) out.required(capacity);
    if (!s.capacity().contains("storage") || s.capacity().size() > 1)
      out.not_supported(capacity, "", {"storage"});
    for (auto& [name, value] : s.capacity()) {
      auto here = capacity.key(name);
      if (amount(value).negative())
        out.invalid(here, value.string(), "must be a valid resource quantity");
      if (!(amount(value) > quantity()))
        out.invalid(here, value.string(), "must be greater than zero");
    }
    if (!s.persistent_volume_reclaim_policy().empty())
      out.one_of(policy, s.persistent_volume_reclaim_policy(), {"Delete", "Recycle", "Retain"});
  }
  auto affinity_at = at / "nodeAffinity";
  if (s.has_node_affinity() && in_line) {
    out.forbidden(affinity_at, not_in_line);
  } else if (s.has_node_affinity()) {
    if (s.node_affinity().has_required())
      node_selector(out, affinity_at / "required", s.node_affinity().required());
    else
      out.required(affinity_at / "required", "must specify required node constraints");
  }
  int count = 0;
  for (auto& row : sources) {
    if (!row.there(source)) continue;
    if (++count > 1)
      out.forbidden(at / row.twice, "may not specify more than 1 volume type");
    else
      row.check(out, at / row.told, source);
  }
  if (count == 0) out.required(at, "must specify a volume type");
  if (source.has_local() && !s.has_node_affinity())
    out.required(affinity_at, "Local volume requires node affinity");
  bool whole_disk = source.has_host_path() && !source.host_path().path().empty() &&
                    source.host_path().path().find_first_not_of("/.") == std::string::npos &&
                    names::no_back_steps(source.host_path().path()).empty();
  if (whole_disk && s.persistent_volume_reclaim_policy() == "Recycle")
    out.forbidden(policy, "may not be 'recycle' for a hostPath mount of '/'");
  if (in_line) {
    if (!s.storage_class_name().empty()) out.forbidden(at / "storageClassName", not_in_line);
    if (s.has_volume_mode() && s.volume_mode() != "Filesystem")
      out.forbidden(
          at / "volumeMode",
          "may not specify volumeMode other than Filesystem in the context of inline volumes");
  } else {
    out.optional_name(at / "storageClassName", s.storage_class_name(), names::dns_subdomain);
    if (s.has_volume_mode())
      out.one_of(at / "volumeMode", s.volume_mode(), {"Block", "Filesystem"});
  }
  if (!s.has_volume_attributes_class_name()) return;
  auto attributes = at / "volumeAttributesClassName";
  if (out.not_empty(attributes, s.volume_attributes_class_name(), "an empty string is disallowed"))
    out.invalid(attributes, s.volume_attributes_class_name(),
                names::dns_subdomain(s.volume_attributes_class_name()));
  if (!source.has_csi())
    out.required(at / "csi", "has to be specified when using volumeAttributesClassName");
}

void claim_spec(report& out, const path& at, const PersistentVolumeClaimSpec& s) {
  if (s.access_modes().empty())
    out.required(at / "accessModes", "at least 1 access mode is required");
  if (s.has_selector()) label_selector(out, at / "selector", s.selector());
  access_modes(out, at, s.access_modes());
  auto resources = at / "resources";
  auto found = s.resources().requests().find("storage");
  if (found == s.resources().requests().end()) {
    out.required(resources.key("storage"));
  } else {
    auto here = resources.key("storage");
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
    if constexpr (requires { ref.namespace_(); })
      out.optional_name(here / "namespace", ref.namespace_(), names::dns_label);
  };
  if (s.has_data_source()) reference("dataSource", s.data_source());
  if (s.has_data_source_ref()) reference("dataSourceRef", s.data_source_ref());
  bool elsewhere = !s.data_source_ref().namespace_().empty();
  if (s.has_data_source() && elsewhere)
    out.invalid(at, "dataSource", "may not be specified when dataSourceRef.namespace is specified");
  if (s.has_data_source() && s.has_data_source_ref() && !elsewhere &&
      (s.data_source().api_group() != s.data_source_ref().api_group() ||
       s.data_source().kind() != s.data_source_ref().kind() ||
       s.data_source().name() != s.data_source_ref().name()))
    out.invalid(at, "dataSource", "must match dataSourceRef");
  out.optional_name(at / "volumeAttributesClassName", s.volume_attributes_class_name(),
                    names::dns_subdomain);
}

std::vector<row> persistent_volume_kinds() {
  return {
      kind_row<PersistentVolume>().any_time<volume>().on_update<volume_update>(),
      kind_row<PersistentVolumeClaim>()
          .any_time<claim>()
          .on_update<claim_update>()
          .on_status<claim_status>(),
  };
}

} // namespace troupe::schema::validate
