#include "actors/volumes/binding.hpp"

#include "messages/api/pod.pb.h"
#include "messages/base/finalizers.hpp"
#include "messages/base/quantity.hpp"
#include "messages/base/selector.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"

#include <algorithm>

namespace troupe::volumes {

namespace {

constexpr const char* bind_completed = "pv.kubernetes.io/bind-completed";
constexpr const char* bound_by_controller = "pv.kubernetes.io/bound-by-controller";
/// The one of today, and the older one that some provisioners still look for.
constexpr const char* storage_provisioner[] = {"volume.kubernetes.io/storage-provisioner",
                                               "volume.beta.kubernetes.io/storage-provisioner"};
constexpr std::pair<std::string_view, const char*> moved_out[] = {
    {"kubernetes.io/aws-ebs", "ebs.csi.aws.com"},
    {"kubernetes.io/azure-disk", "disk.csi.azure.com"},
    {"kubernetes.io/azure-file", "file.csi.azure.com"},
    {"kubernetes.io/cinder", "cinder.csi.openstack.org"},
    {"kubernetes.io/gce-pd", "pd.csi.storage.gke.io"},
    {"kubernetes.io/portworx-volume", "pxd.portworx.com"},
    {"kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"},
};
constexpr const char* provisioned_by = "pv.kubernetes.io/provisioned-by";

int64_t bytes(const std::string& quantity) {
  auto parsed = quantity::parse(quantity);
  return parsed ? parsed->value() : 0;
}

template<class Map> const std::string& at(const Map& map, const char* key) {
  static const std::string none;
  auto hit = map.find(key);
  if (hit == map.end()) return none;
  return hit->second;
}

template<class Map> int64_t storage_in(const Map& amounts) {
  auto hit = amounts.find("storage");
  return hit == amounts.end() ? 0 : bytes(hit->second.string());
}

std::string mode_of(const std::string& given) { return given.empty() ? "Filesystem" : given; }

bool same_mode(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return mode_of(volume.spec().volume_mode()) == mode_of(claim.spec().volume_mode());
}

/// Whether it can be mounted in all the ways that the claim asks for.
bool offers_access(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  auto& offered = volume.spec().access_modes();
  auto& wanted = claim.spec().access_modes();
  return std::all_of(wanted.begin(), wanted.end(), [&](auto& mode) {
    return std::find(offered.begin(), offered.end(), mode) != offered.end();
  });
}

bool same_attributes(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.spec().volume_attributes_class_name() ==
         claim.spec().volume_attributes_class_name();
}

k8s::core::v1::ObjectReference reference_to(const PersistentVolumeClaim& claim) {
  auto& m = claim.metadata();
  k8s::core::v1::ObjectReference ref;
  ref.set_api_version("v1");
  ref.set_kind("PersistentVolumeClaim");
  ref.set_namespace_(m.namespace_());
  ref.set_name(m.name());
  ref.set_uid(m.uid());
  if (m.has_resource_version()) ref.set_resource_version(m.resource_version());
  return ref;
}

} // namespace

std::string provisioner_of(const StorageClass& of) {
  auto& name = of.provisioner();
  if (!name.starts_with("kubernetes.io/")) return name;
  auto hit = std::find_if(std::begin(moved_out), std::end(moved_out),
                          [&](auto& m) { return m.first == name; });
  return hit == std::end(moved_out) ? "" : hit->second;
}

void note_provisioner(PersistentVolumeClaim& claim, const StorageClass& of) {
  auto& annotations = *claim.mutable_metadata()->mutable_annotations();
  for (auto name : storage_provisioner) annotations[name] = provisioner_of(of);
}

std::vector<std::string> claims_used(std::string_view pod, bool own_too) {
  using namespace k8s::core::v1;
  std::vector<std::string> out;
  std::string own(
      codec::part_of(codec::metadata_in(pod), k8s::meta::v1::ObjectMeta::kNameFieldNumber));
  codec::wire::reader spec(codec::spec_in(pod));
  while (spec.next()) {
    if (spec.number != PodSpec::kVolumesFieldNumber) continue;
    auto source = codec::part_of(spec.data, Volume::kVolumeSourceFieldNumber);
    if (own_too && codec::has_part(source, VolumeSource::kEphemeralFieldNumber))
      out.push_back(own + "-" + std::string(codec::part_of(spec.data, Volume::kNameFieldNumber)));
    auto claim = codec::part_of(source, VolumeSource::kPersistentVolumeClaimFieldNumber);
    if (!claim.empty())
      out.emplace_back(
          codec::part_of(claim, PersistentVolumeClaimVolumeSource::kClaimNameFieldNumber));
  }
  return out;
}

std::string mismatch(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  if (volume.metadata().has_deletion_timestamp())
    return "the volume is marked for deletion \"" + volume.metadata().name() + "\"";
  if (bytes_of(volume) < bytes_asked(claim)) return "requested PV is too small";
  if (class_of(volume) != class_of(claim)) return "storageClassName does not match";
  if (!same_attributes(volume, claim)) return "volumeAttributesClassName does not match";
  if (!same_mode(volume, claim)) return "incompatible volumeMode";
  if (!offers_access(volume, claim)) return "incompatible accessMode";
  return {};
}

bool takes_default(const PersistentVolumeClaim& claim) {
  return !claim.spec().has_storage_class_name() && !schema::noted_class(claim);
}

const StorageClass* default_of(const std::vector<StorageClass>& all) {
  auto marked = [](const StorageClass& c) {
    auto& notes = c.metadata().annotations();
    return at(notes, "storageclass.kubernetes.io/is-default-class") == "true" ||
           at(notes, "storageclass.beta.kubernetes.io/is-default-class") == "true";
  };
  const StorageClass* out = nullptr;
  for (auto& c : all) {
    if (!marked(c)) continue;
    auto age = [](auto& x) { return x.metadata().creation_timestamp().seconds(); };
    if (!out || age(c) > age(*out) ||
        (age(c) == age(*out) && c.metadata().name() < out->metadata().name()))
      out = &c;
  }
  return out;
}

bool waits_for_consumer(const StorageClass& of) {
  return of.volume_binding_mode() == "WaitForFirstConsumer";
}

bool bound(const PersistentVolumeClaim& claim) {
  return !claim.spec().volume_name().empty() &&
         !at(claim.metadata().annotations(), bind_completed).empty();
}

bool kept_for(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  auto& ref = volume.spec().claim_ref();
  return ref.name() == claim.metadata().name() &&
         ref.namespace_() == claim.metadata().namespace_() &&
         (ref.uid().empty() || ref.uid() == claim.metadata().uid());
}

bool open(const PersistentVolume& volume) {
  return !volume.spec().has_claim_ref() && !volume.metadata().has_deletion_timestamp();
}

int64_t bytes_of(const PersistentVolume& volume) { return storage_in(volume.spec().capacity()); }
int64_t bytes_asked(const PersistentVolumeClaim& claim) {
  return storage_in(claim.spec().resources().requests());
}

bool serves(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return !volume.metadata().has_deletion_timestamp() && bytes_of(volume) >= bytes_asked(claim) &&
         same_mode(volume, claim) && offers_access(volume, claim);
}

bool suits(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  if (!mismatch(volume, claim).empty()) return false;
  if (!claim.spec().has_selector()) return true;
  auto selector = label_selector::from(claim.spec().selector());
  return selector && selector->matches_map(volume.metadata().labels());
}

bool bind(PersistentVolumeClaim& claim, PersistentVolume& volume, timestamp now) {
  auto before = codec::to_wire(claim) + codec::to_wire(volume);
  auto& spec = *volume.mutable_spec();
  if (!spec.has_claim_ref())
    (*volume.mutable_metadata()->mutable_annotations())[bound_by_controller] = "yes";
  if (spec.claim_ref().uid() != claim.metadata().uid())
    *spec.mutable_claim_ref() = reference_to(claim);
  if (volume.status().phase() != "Bound") {
    volume.mutable_status()->set_phase("Bound");
    volume.mutable_status()->mutable_last_phase_transition_time()->set_seconds(now.seconds);
  }
  auto& annotations = *claim.mutable_metadata()->mutable_annotations();
  if (claim.spec().volume_name().empty()) annotations[bound_by_controller] = "yes";
  annotations[bind_completed] = "yes";
  claim.mutable_spec()->set_volume_name(volume.metadata().name());
  auto& status = *claim.mutable_status();
  if (status.phase() != "Bound" && spec.has_volume_attributes_class_name())
    status.set_current_volume_attributes_class_name(spec.volume_attributes_class_name());
  status.set_phase("Bound");
  *status.mutable_access_modes() = spec.access_modes();
  if (status.capacity().empty()) *status.mutable_capacity() = spec.capacity();
  return codec::to_wire(claim) + codec::to_wire(volume) != before;
}

bool unbind(PersistentVolume& volume) {
  if (volume.spec().claim_ref().uid().empty()) return false;
  if (volume.mutable_metadata()->mutable_annotations()->erase(bound_by_controller))
    volume.mutable_spec()->clear_claim_ref();
  else
    volume.mutable_spec()->mutable_claim_ref()->clear_uid();
  return true;
}

std::string node_of_own(const PersistentVolume& volume) {
  if (at(volume.metadata().annotations(), provisioned_by) != own_provisioner) return {};
  for (auto& term : volume.spec().node_affinity().required().node_selector_terms())
    for (auto& one : term.match_expressions())
      if (one.key() == "kubernetes.io/hostname" && one.values_size() == 1) return one.values(0);
  return {};
}

PersistentVolume provision(const PersistentVolumeClaim& claim, const StorageClass& of,
                           const std::string& node, const k8s::core::v1::Node* machine) {
  PersistentVolume out;
  auto& m = *out.mutable_metadata();
  m.set_name("pvc-" + claim.metadata().uid());
  (*m.mutable_annotations())[provisioned_by] = of.provisioner();
  m.add_finalizers(finalizers::volume);
  m.add_finalizers(directory_finalizer);
  auto& spec = *out.mutable_spec();
  for (auto& [what, amount] : claim.spec().resources().requests())
    if (what == "storage") (*spec.mutable_capacity())[what] = amount;
  *spec.mutable_access_modes() = claim.spec().access_modes();
  spec.set_volume_mode(mode_of(claim.spec().volume_mode()));
  spec.set_storage_class_name(of.metadata().name());
  if (claim.spec().has_volume_attributes_class_name())
    spec.set_volume_attributes_class_name(claim.spec().volume_attributes_class_name());
  spec.set_persistent_volume_reclaim_policy(of.reclaim_policy().empty() ? "Delete"
                                                                        : of.reclaim_policy());
  *spec.mutable_mount_options() = of.mount_options();
  auto& root = at(of.parameters(), "path");
  auto& path = *spec.mutable_persistent_volume_source()->mutable_host_path();
  auto usual = machine ? at(machine->metadata().annotations(), volumes_annotation) : std::string{};
  if (usual.empty()) usual = own_root;
  path.set_path((root.empty() ? usual : root) + "/" + m.name() + "_" +
                claim.metadata().namespace_() + "_" + claim.metadata().name());
  path.set_type("DirectoryOrCreate");
  auto& term = *spec.mutable_node_affinity()->mutable_required()->add_node_selector_terms();
  auto& here = *term.add_match_expressions();
  here.set_key("kubernetes.io/hostname");
  here.set_operator_("In");
  here.add_values(node);
  *spec.mutable_claim_ref() = reference_to(claim);
  out.mutable_status()->set_phase("Pending");
  return out;
}

std::string phase_of(const PersistentVolume& volume, const PersistentVolumeClaim* claim) {
  if (!volume.spec().has_claim_ref() || volume.spec().claim_ref().uid().empty()) return "Available";
  if (!claim || !kept_for(volume, *claim)) return "Released";
  auto& chosen = claim->spec().volume_name();
  if (chosen == volume.metadata().name()) return "Bound";
  if (chosen.empty()) return volume.status().phase().empty() ? "Pending" : volume.status().phase();
  bool made_for_it = volume.metadata().annotations().contains(provisioned_by) &&
                     volume.spec().persistent_volume_reclaim_policy() == "Delete";
  return made_for_it ? "Released" : "Available";
}

std::optional<reclaim_fault> reclaim_fault_of(const PersistentVolume& volume) {
  auto& policy = volume.spec().persistent_volume_reclaim_policy();
  if (policy == "Recycle")
    return reclaim_fault{"VolumeFailedRecycle", "No recycler plugin found for the volume!"};
  // Whoever made it deletes it.
  if (policy != "Delete" || !at(volume.metadata().annotations(), provisioned_by).empty()) return {};
  constexpr const char* reason = "VolumeFailedDelete";
  auto& source = volume.spec().persistent_volume_source();
  if (source.has_host_path()) {
    auto& path = source.host_path().path();
    auto at = path.find("/tmp/");
    bool scratch = at != path.npos && at + 5 < path.size();
    if (scratch) return {};
    return reclaim_fault{reason,
                         "host_path deleter only supports /tmp/.+ but received provided " + path};
  }
  return reclaim_fault{reason, "error getting deleter volume plugin for volume \"" +
                                   volume.metadata().name() + "\": no " +
                                   (source.has_nfs() || source.has_local() ? "deletable " : "") +
                                   "volume plugin matched"};
}

bool grows(const PersistentVolumeClaim& claim, const PersistentVolume& volume) {
  return bound(claim) && at(volume.metadata().annotations(), provisioned_by) == own_provisioner &&
         bytes_asked(claim) > storage_in(claim.status().capacity());
}

void grow(PersistentVolumeClaim& claim, PersistentVolume& volume) {
  auto& wanted = claim.spec().resources().requests().at("storage");
  (*volume.mutable_spec()->mutable_capacity())["storage"] = wanted;
  (*claim.mutable_status()->mutable_capacity())["storage"] = wanted;
}

} // namespace troupe::volumes
