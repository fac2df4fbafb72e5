// The volumes of a pod: exactly one source each, and what each source asks for.
#include "messages/schema/validate/volume_legacy.hpp"

#include "messages/api/pod.pb.h"

#include <algorithm>
#include <array>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

constexpr int64_t token_seconds_min = 10 * 60;
constexpr int64_t token_seconds_max = int64_t{1} << 32;
constexpr size_t driver_name_max = 63;

/// A path below the volume that does not begin with "..", which the kubelet keeps for itself.
void local_path(report& out, const path& at, const std::string& value) {
  out.invalid(at, value, names::relative_path(value));
  if (value.starts_with("..") && value != ".." && !value.starts_with("../"))
    out.invalid(at, value, "must not start with '..'");
}

void mode(report& out, const path& at, bool given, int32_t value) {
  if (given) out.invalid(at, value, names::file_mode(value));
}

void items(report& out, const path& at, const google::protobuf::RepeatedPtrField<KeyToPath>& list) {
  for (int i = 0; i < list.size(); ++i) {
    auto here = at.at("items", i);
    out.not_empty(here / "key", list[i].key());
    if (out.not_empty(here / "path", list[i].path()))
      local_path(out, here / "path", list[i].path());
    mode(out, here / "mode", list[i].has_mode(), list[i].mode());
  }
}

void downward_file(report& out, const path& at, const DownwardAPIVolumeFile& f) {
  if (out.not_empty(at / "path", f.path())) local_path(out, at / "path", f.path());
  if (f.has_field_ref()) {
    auto field = at / "fieldRef";
    auto field_path = field / "fieldPath";
    auto& name = f.field_ref().field_path();
    auto subscript = name.substr(0, name.find('['));
    if (out.not_empty(field_path, name)) {
      bool with_key = (subscript == "metadata.labels" || subscript == "metadata.annotations") &&
                      name.ends_with("']");
      if (!with_key && !is_downward_field(name))
        out.invalid(field_path, name, "error converting fieldPath: field label not supported");
      else if (!with_key && name != "metadata.name" && name != "metadata.namespace" &&
               name != "metadata.labels" && name != "metadata.annotations" &&
               name != "metadata.uid")
        out.not_supported(field_path, name,
                          {"metadata.annotations", "metadata.labels", "metadata.name",
                           "metadata.namespace", "metadata.uid"});
    }
    if (f.has_resource_field_ref())
      out.invalid(at, "resource",
                  "fieldRef and resourceFieldRef can not be specified simultaneously");
  } else if (f.has_resource_field_ref()) {
    auto field = at / "resourceFieldRef";
    out.not_empty(field / "containerName", f.resource_field_ref().container_name());
    if (out.not_empty(field / "resource", f.resource_field_ref().resource())) {
      auto& resource = f.resource_field_ref().resource();
      if (!resource.starts_with("limits.hugepages-") &&
          !resource.starts_with("requests.hugepages-"))
        out.one_of(field / "resource", resource,
                   {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                    "requests.ephemeral-storage", "requests.memory"});
    }
  } else {
    out.required(at, "one of fieldRef and resourceFieldRef is required");
  }
  mode(out, at / "mode", f.has_mode(), f.mode());
}

void empty_dir(report& out, const path& at, const EmptyDirVolumeSource& v) {
  if (v.has_size_limit() && amount(v.size_limit()).negative())
    out.forbidden(at / "sizeLimit", "SizeLimit field must be a valid resource quantity");
}

void git_repo(report& out, const path& at, const GitRepoVolumeSource& v) {
  out.not_empty(at / "repository", v.repository());
  local_path(out, at / "directory", v.directory());
}

void secret(report& out, const path& at, const SecretVolumeSource& v) {
  out.not_empty(at / "secretName", v.secret_name());
  mode(out, at / "defaultMode", v.has_default_mode(), v.default_mode());
  items(out, at, v.items());
}

void config_map(report& out, const path& at, const ConfigMapVolumeSource& v) {
  out.not_empty(at / "name", v.local_object_reference().name());
  mode(out, at / "defaultMode", v.has_default_mode(), v.default_mode());
  items(out, at, v.items());
}

void downward_api(report& out, const path& at, const DownwardAPIVolumeSource& v) {
  mode(out, at / "defaultMode", v.has_default_mode(), v.default_mode());
  for (auto& f : v.items()) downward_file(out, at, f);
}

void claim(report& out, const path& at, const PersistentVolumeClaimVolumeSource& v) {
  out.not_empty(at / "claimName", v.claim_name());
}

void csi(report& out, const path& at, const CSIVolumeSource& v) {
  if (out.not_empty(at / "driver", v.driver())) {
    if (v.driver().size() > driver_name_max) out.too_long(at / "driver", driver_name_max);
    out.invalid(at / "driver", v.driver(), names::dns_subdomain(v.driver()));
  }
  if (v.has_node_publish_secret_ref())
    out.not_empty(at / "nodePublishSecretRef.name", v.node_publish_secret_ref().name());
}

void ephemeral(report& out, const path& at, const EphemeralVolumeSource& v) {
  auto claim = at / "volumeClaimTemplate";
  if (!v.has_volume_claim_template()) return out.required(claim);
  auto& meta = v.volume_claim_template().metadata();
  auto meta_at = claim / "metadata";
  labels(out, meta_at / "labels", meta.labels());
  annotations(out, meta_at / "annotations", meta.annotations());
  if (!meta.name().empty() || !meta.namespace_().empty() || !meta.owner_references().empty() ||
      !meta.finalizers().empty() || !meta.generate_name().empty())
    out.forbidden(meta_at, "cannot set metadata fields besides annotations and labels");
  claim_spec(out, claim / "spec", v.volume_claim_template().spec());
}

void image(report& out, const path& at, const ImageVolumeSource& v) {
  out.not_empty(at / "reference", v.reference());
  if (!v.pull_policy().empty())
    out.one_of(at / "pullPolicy", v.pull_policy(), {"Always", "IfNotPresent", "Never"});
}

void token_projection(report& out, const path& at, const ServiceAccountTokenProjection& p) {
  auto seconds = at / "expirationSeconds";
  if (p.has_expiration_seconds() && p.expiration_seconds() < token_seconds_min)
    out.invalid(seconds, p.expiration_seconds(), "may not specify a duration less than 10 minutes");
  if (p.expiration_seconds() > token_seconds_max)
    out.invalid(seconds, p.expiration_seconds(),
                "may not specify a duration larger than 2^32 seconds");
  if (out.not_empty(at / "path", p.path())) local_path(out, at / "path", p.path());
}

void bundle_projection(report& out, const path& at, const ClusterTrustBundleProjection& p) {
  if (p.has_name() == p.has_signer_name())
    out.required(at, "exactly one of name and signerName must be specified");
  if (p.has_signer_name())
    label_selector(out, at / "labelSelector", p.label_selector());
  else if (p.has_label_selector())
    out.invalid(at / "labelSelector", "", "labelSelector may not be specified with name");
  if (out.not_empty(at / "path", p.path())) local_path(out, at / "path", p.path());
}

void certificate_projection(report& out, const path& at, const PodCertificateProjection& p) {
  out.not_empty(at / "signerName", p.signer_name());
  out.one_of(at / "keyType", p.key_type(),
             {"RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"});
  if (p.has_max_expiration_seconds())
    out.between(at / "maxExpirationSeconds", p.max_expiration_seconds(), 3600, 91 * 24 * 3600);
  if (p.credential_bundle_path().empty() && p.key_path().empty() &&
      p.certificate_chain_path().empty())
    out.required(at,
                 "specify at least one of credentialBundlePath, keyPath, and certificateChainPath");
  for (auto& [name, value] : {std::pair{"credentialBundlePath", p.credential_bundle_path()},
                              std::pair{"keyPath", p.key_path()},
                              std::pair{"certificateChainPath", p.certificate_chain_path()}})
    if (!value.empty()) local_path(out, at / name, value);
}

/// The files that a source puts into the volume, as far as it names them.
std::vector<std::string_view> files_of(const VolumeProjection& s) {
  std::vector<std::string_view> out;
  for (auto& item : s.secret().items()) out.push_back(item.path());
  for (auto& item : s.config_map().items()) out.push_back(item.path());
  for (auto& item : s.downward_api().items()) out.push_back(item.path());
  if (s.has_service_account_token()) out.push_back(s.service_account_token().path());
  if (s.has_cluster_trust_bundle()) out.push_back(s.cluster_trust_bundle().path());
  return out;
}

void source(report& out, const path& at, const VolumeProjection& s) {
  int count = 0;
  auto first = [&](bool given, const char* name) {
    if (!given) return false;
    if (++count == 1) return true;
    out.forbidden(at / name, "may not specify more than 1 volume type per source");
    return false;
  };
  if (first(s.has_secret(), "secret")) {
    auto here = at / "secret";
    out.not_empty(here / "name", s.secret().local_object_reference().name());
    items(out, here, s.secret().items());
  }
  if (first(s.has_config_map(), "configMap")) {
    auto here = at / "configMap";
    out.not_empty(here / "name", s.config_map().local_object_reference().name());
    items(out, here, s.config_map().items());
  }
  if (first(s.has_downward_api(), "downwardAPI"))
    for (auto& f : s.downward_api().items()) downward_file(out, at / "downwardAPI", f);
  if (first(s.has_service_account_token(), "serviceAccountToken"))
    token_projection(out, at / "serviceAccountToken", s.service_account_token());
  if (first(s.has_cluster_trust_bundle(), "clusterTrustBundle"))
    bundle_projection(out, at / "clusterTrustBundle", s.cluster_trust_bundle());
  if (first(s.has_pod_certificate(), "podCertificate"))
    certificate_projection(out, at / "podCertificate", s.pod_certificate());
  if (count == 0) out.required(at, "must specify at least one projection type");
}

void projected(report& out, const path& at, const ProjectedVolumeSource& v) {
  mode(out, at / "defaultMode", v.has_default_mode(), v.default_mode());
  std::set<std::string_view> files;
  for (int i = 0; i < v.sources_size(); ++i) {
    auto here = at.at("sources", i);
    source(out, here, v.sources(i));
    for (auto file : files_of(v.sources(i)))
      if (!file.empty() && !files.insert(file).second)
        out.invalid(at, file, "conflicting duplicate paths");
  }
}

/// A possible source: its name, whether it is there, and its rules.
struct source_row {
  const char* name;
  bool (*there)(const VolumeSource&);
  void (*check)(report&, const path&, const VolumeSource&);
};

#define SOURCE(NAME, FIELD, RULE)                                                                  \
  {                                                                                                \
    NAME, [](const VolumeSource& v) { return v.has_##FIELD(); },                                   \
        [](report& out, const path& at, const VolumeSource& v) { RULE(out, at, v.FIELD()); }       \
  }

const source_row sources[] = {
    SOURCE("emptyDir", empty_dir, empty_dir),
    SOURCE("hostPath", host_path, host_path),
    SOURCE("gitRepo", git_repo, git_repo),
    SOURCE("gcePersistentDisk", gce_persistent_disk, legacy::gce_disk),
    SOURCE("awsElasticBlockStore", aws_elastic_block_store, legacy::aws_disk),
    SOURCE("secret", secret, secret),
    SOURCE("nfs", nfs, legacy::nfs),
    SOURCE("iscsi", iscsi, legacy::iscsi),
    SOURCE("glusterfs", glusterfs, legacy::glusterfs),
    SOURCE("flocker", flocker, legacy::flocker),
    SOURCE("persistentVolumeClaim", persistent_volume_claim, claim),
    SOURCE("rbd", rbd, legacy::rbd),
    SOURCE("cinder", cinder, legacy::cinder),
    SOURCE("cephfs", cephfs, legacy::cephfs),
    SOURCE("quobyte", quobyte, legacy::quobyte),
    SOURCE("downwardAPI", downward_api, downward_api),
    SOURCE("fc", fc, legacy::fibre_channel),
    SOURCE("flexVolume", flex_volume, legacy::flex),
    SOURCE("configMap", config_map, config_map),
    SOURCE("azureFile", azure_file, legacy::azure_file),
    SOURCE("vsphereVolume", vsphere_volume, legacy::vsphere),
    SOURCE("photonPersistentDisk", photon_persistent_disk, legacy::photon),
    SOURCE("portworxVolume", portworx_volume, legacy::portworx),
    SOURCE("azureDisk", azure_disk, legacy::azure_disk),
    SOURCE("storageos", storageos, legacy::storage_os),
    SOURCE("projected", projected, projected),
    SOURCE("scaleIO", scale_io, legacy::scale_io),
    SOURCE("csi", csi, csi),
    SOURCE("ephemeral", ephemeral, ephemeral),
    SOURCE("image", image, image),
};

#undef SOURCE

void one_source(report& out, const path& at, const VolumeSource& v) {
  int count = 0;
  for (auto& row : sources) {
    if (!row.there(v)) continue;
    if (++count > 1)
      out.forbidden(at / row.name, "may not specify more than 1 volume type");
    else
      row.check(out, at / row.name, v);
  }
  if (count == 0) out.required(at, "must specify a volume type");
}

} // namespace

void host_path(report& out, const path& at, const HostPathVolumeSource& v) {
  if (!out.not_empty(at / "path", v.path())) return;
  out.invalid(at / "path", v.path(), names::no_back_steps(v.path()));
  if (!v.type().empty())
    out.one_of(at / "type", v.type(),
               {"BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
                "FileOrCreate", "Socket"});
}

volume_map volumes(report& out, const path& at,
                   const google::protobuf::RepeatedPtrField<Volume>& list,
                   std::string_view pod_name) {
  volume_map found;
  for (int i = 0; i < list.size(); ++i) {
    auto& v = list[i];
    auto here = at[i];
    one_source(out, here, v.volume_source());
    if (!out.name(here / "name", v.name(), names::dns_label)) continue;
    if (!found.emplace(v.name(), &v).second) out.duplicate(here / "name", v.name());
    if (v.volume_source().has_ephemeral() && !pod_name.empty()) {
      auto claim = std::string(pod_name) + "-" + v.name();
      out.invalid(here / "name", v.name(), names::dns_subdomain(claim));
    }
  }
  return found;
}

} // namespace troupe::schema::validate
