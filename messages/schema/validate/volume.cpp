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

/// A path below the volume that does not begin with "..", which the kubelet keeps for itself.
void local_path(report& out, const path& at, const std::string& value) {
  out.invalid(at, value, names::relative_path(value));
  if (value.starts_with("..") && !value.starts_with("../"))
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
    downward_field(out, at / "fieldRef", f.field_ref(),
                   {"metadata.annotations", "metadata.labels", "metadata.name",
                    "metadata.namespace", "metadata.uid"});
    if (f.has_resource_field_ref())
      out.invalid(at, "resource",
                  "fieldRef and resourceFieldRef can not be specified simultaneously");
  } else if (f.has_resource_field_ref()) {
    downward_resource(out, at / "resourceFieldRef", f.resource_field_ref(), true);
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
  csi_driver_name(out, at / "driver", v.driver());
  if (!v.has_node_publish_secret_ref()) return;
  auto& secret = v.node_publish_secret_ref().name();
  // Kubernetes tells a bad name of the volume, not of the reference.
  if (out.not_empty(at / "nodePublishSecretRef.name", secret))
    out.invalid(at / "name", secret, names::dns_subdomain(secret));
}

void ephemeral(report& out, const path& at, const EphemeralVolumeSource& v) {
  auto claim = at / "volumeClaimTemplate";
  if (!v.has_volume_claim_template()) return out.required(claim);
  auto& meta = v.volume_claim_template().metadata();
  auto meta_at = claim / "metadata";
  annotations(out, meta_at / "annotations", meta.annotations());
  labels(out, meta_at / "labels", meta.labels());
  auto unset = [&](const char* field, bool set) {
    if (set) out.forbidden(meta_at / field, "cannot be set");
  };
  unset("name", !meta.name().empty());
  unset("generateName", !meta.generate_name().empty());
  unset("namespace", !meta.namespace_().empty());
  unset("uID", !meta.uid().empty());
  unset("resourceVersion", !meta.resource_version().empty());
  unset("ownerReferences", !meta.owner_references().empty());
  unset("finalizers", !meta.finalizers().empty());
  claim_spec(out, claim / "spec", v.volume_claim_template().spec());
}

void image(report& out, const path& at, const ImageVolumeSource& v) {
  out.not_empty(at / "reference", v.reference());
  out.one_of(at / "pullPolicy", v.pull_policy(), {"Always", "IfNotPresent", "Never"});
}

void token_projection(report& out, const path& volume, const path& at,
                      const ServiceAccountTokenProjection& p) {
  auto seconds = at / "expirationSeconds";
  if (p.has_expiration_seconds() && p.expiration_seconds() < token_seconds_min)
    out.invalid(seconds, p.expiration_seconds(), "may not specify a duration less than 10 minutes");
  if (p.expiration_seconds() > token_seconds_max)
    out.invalid(seconds, p.expiration_seconds(),
                "may not specify a duration larger than 2^32 seconds");
  // Kubernetes tells the path of the whole volume, not of the source.
  if (out.not_empty(volume / "path", p.path())) local_path(out, volume / "path", p.path());
}

void bundle_projection(report& out, const path& at, const ClusterTrustBundleProjection& p) {
  auto name = at / "name", signer = at / "signerName", selector = at / "labelSelector";
  if (p.has_name() && p.has_signer_name()) {
    out.invalid(at, "", "only one of name and signerName may be used");
  } else if (p.has_name()) {
    if (out.not_empty(name, p.name(), "must be a valid object name"))
      for (auto& fault : names::dns_subdomain(p.name().substr(p.name().rfind(':') + 1)))
        out.invalid(name, p.name(), "not a valid clustertrustbundlename: " + fault);
    if (p.has_label_selector())
      out.invalid(selector, "", "labelSelector must be unset if name is specified");
  } else if (p.has_signer_name()) {
    if (out.not_empty(signer, p.signer_name(), "must be a valid signer name"))
      signer_name(out, signer, p.signer_name());
    label_selector(out, selector, p.label_selector());
  } else {
    out.required(at, "either name or signerName must be specified");
  }
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

void source(report& out, const path& volume, const path& at, const VolumeProjection& s) {
  int count = 0;
  if (s.has_secret()) {
    auto here = at / "secret";
    ++count;
    out.not_empty(here / "name", s.secret().local_object_reference().name());
    items(out, here, s.secret().items());
  }
  if (s.has_config_map()) {
    auto here = at / "configMap";
    ++count;
    out.not_empty(here / "name", s.config_map().local_object_reference().name());
    items(out, here, s.config_map().items());
  }
  if (s.has_downward_api()) {
    ++count;
    for (auto& f : s.downward_api().items()) downward_file(out, at / "downwardAPI", f);
  }
  if (s.has_service_account_token())
    ++count, token_projection(out, volume, at / "serviceAccountToken", s.service_account_token());
  if (s.has_cluster_trust_bundle())
    ++count, bundle_projection(out, at / "clusterTrustBundle", s.cluster_trust_bundle());
  if (s.has_pod_certificate())
    ++count, certificate_projection(out, at / "podCertificate", s.pod_certificate());
  if (count > 1) out.forbidden(at, "may not specify more than 1 volume type per source");
}

void projected(report& out, const path& at, const ProjectedVolumeSource& v) {
  mode(out, at / "defaultMode", v.has_default_mode(), v.default_mode());
  std::set<std::string_view> files;
  for (int i = 0; i < v.sources_size(); ++i) {
    auto here = at.at("sources", i);
    source(out, at, here, v.sources(i));
    for (auto file : files_of(v.sources(i)))
      if (!file.empty() && !files.insert(file).second)
        out.invalid(at, file, "conflicting duplicate paths");
  }
}

/// A possible source: its name, whether it is there, and its rules. `told` is what Kubernetes calls
/// it in faults, `twice` in those about a second source.
struct source_row {
  const char* told;
  const char* twice;
  bool (*there)(const VolumeSource&);
  void (*check)(report&, const path&, const VolumeSource&);
};

#define SOURCE(NAME, FIELD, RULE) ODDLY_NAMED(NAME, NAME, FIELD, RULE)
#define ODDLY_NAMED(TOLD, TWICE, FIELD, RULE)                                                      \
  {                                                                                                \
    TOLD, TWICE, [](const VolumeSource& v) { return v.has_##FIELD(); },                            \
        [](report& out, const path& at, const VolumeSource& v) { RULE(out, at, v.FIELD()); }       \
  }

const source_row sources[] = {
    SOURCE("emptyDir", empty_dir, empty_dir),
    SOURCE("hostPath", host_path, host_path),
    SOURCE("gitRepo", git_repo, git_repo),
    ODDLY_NAMED("persistentDisk", "gcePersistentDisk", gce_persistent_disk, legacy::gce_disk),
    SOURCE("awsElasticBlockStore", aws_elastic_block_store, legacy::aws_disk),
    SOURCE("secret", secret, secret),
    SOURCE("nfs", nfs, legacy::nfs),
    SOURCE("iscsi", iscsi, legacy::iscsi),
    SOURCE("glusterfs", glusterfs, legacy::glusterfs),
    SOURCE("flocker", flocker, legacy::flocker),
    SOURCE("persistentVolumeClaim", persistent_volume_claim, claim),
    SOURCE("rbd", rbd, legacy::rbd),
    SOURCE("cinder", cinder, legacy::cinder),
    ODDLY_NAMED("cephfs", "cephFS", cephfs, legacy::cephfs),
    SOURCE("quobyte", quobyte, legacy::quobyte),
    ODDLY_NAMED("downwardAPI", "downwarAPI", downward_api, downward_api),
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
#undef ODDLY_NAMED

void one_source(report& out, const path& at, const VolumeSource& v) {
  int count = 0;
  for (auto& row : sources) {
    if (!row.there(v)) continue;
    if (++count > 1)
      out.forbidden(at / row.twice, "may not specify more than 1 volume type");
    else
      row.check(out, at / row.told, v);
  }
  if (count == 0) out.required(at, "must specify a volume type");
}

} // namespace

void host_path(report& out, const path& at, const HostPathVolumeSource& v) {
  if (!out.not_empty(at / "path", v.path())) return;
  out.invalid(at / "path", v.path(), names::no_back_steps(v.path()));
  out.one_of(at / "type", v.type(),
             {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
              "FileOrCreate", "Socket"});
}

volume_map volumes(report& out, const path& at,
                   const google::protobuf::RepeatedPtrField<Volume>& list,
                   std::string_view pod_name) {
  std::set<std::string> made; // claims that will be made for the pod
  if (!pod_name.empty())
    for (auto& v : list)
      if (v.volume_source().has_ephemeral()) made.insert(std::string(pod_name) + "-" + v.name());
  volume_map found;
  for (int i = 0; i < list.size(); ++i) {
    auto& v = list[i];
    auto& source = v.volume_source();
    auto here = at[i];
    auto name = here / "name";
    auto before = out.size();
    one_source(out, here, source);
    if (source.has_iscsi()) legacy::iscsi_name(out, name, v.name(), v.name(), source.iscsi());
    if (source.has_ephemeral() && !pod_name.empty() && !v.name().empty()) {
      auto claim = std::string(pod_name) + "-" + v.name();
      for (auto& fault : names::dns_subdomain(claim))
        out.invalid(name, v.name(), "PVC name \"" + claim + "\": " + fault);
    }
    out.name(name, v.name(), names::dns_label);
    if (found.contains(v.name())) out.duplicate(name, v.name());
    // What mounts a volume with faults does not find it.
    if (out.size() == before) found.emplace(v.name(), &v);
    if (source.has_persistent_volume_claim() &&
        made.contains(source.persistent_volume_claim().claim_name()))
      out.invalid(here / "persistentVolumeClaim.claimName",
                  source.persistent_volume_claim().claim_name(),
                  "must not reference a PVC that gets created for an ephemeral volume");
  }
  return found;
}

} // namespace troupe::schema::validate
