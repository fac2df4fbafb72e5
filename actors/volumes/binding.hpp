// How claims and volumes find each other: who suits whom, what is written when they are bound, and
// what a volume made on demand looks like. Pure: no actors, clock or I/O.
#pragma once

#include "messages/api/claim.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/storage_class.pb.h"
#include "messages/base/time.hpp"
#include "messages/schema/storage_class.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::volumes {

using k8s::core::v1::PersistentVolume;
using k8s::core::v1::PersistentVolumeClaim;
using k8s::storage::v1::StorageClass;

/// Makes directories of nodes; the one provisioner of our own.
constexpr const char* own_provisioner = "troupe.dev/local-path";
/// Keeps a volume that we have made until its node has removed the directory.
constexpr const char* directory_finalizer = "troupe.dev/directory";
/// Where a node wants such directories to be, as its Node object says.
constexpr const char* volumes_annotation = "troupe.dev/volumes";
/// The node that a volume of ours is on; empty if it is none of ours.
std::string node_of_own(const PersistentVolume& volume);
/// Where its directories are, unless the class's parameter "path" says otherwise.
constexpr const char* own_root = "/var/lib/troupe/volumes";
/// The node for which a volume is to be made, on claims that wait for their first consumer.
constexpr const char* selected_node = "volume.kubernetes.io/selected-node";

/// Who makes the volumes of the class; empty if nobody does. Drivers that were a part of Kubernetes
/// once go by the names that they have since.
std::string provisioner_of(const StorageClass& of);
/// Writes on the claim who is to make its volume.
void note_provisioner(PersistentVolumeClaim& claim, const StorageClass& of);
/// Why the volume that the claim names cannot be had; empty if it can.
std::string mismatch(const PersistentVolume& volume, const PersistentVolumeClaim& claim);

/// The names of the claims that a stored pod uses; those that were made for it alone only if asked
/// for.
std::vector<std::string> claims_used(std::string_view pod, bool own_too = true);

using schema::class_of;
bool waits_for_consumer(const StorageClass& of);
/// Whether the claim leaves it to others which class it gets.
bool takes_default(const PersistentVolumeClaim& claim);
/// The class that such claims get: of those that are marked the newest; null if there is none.
const StorageClass* default_of(const std::vector<StorageClass>& all);

/// Whether the claim is bound, and said so by both sides.
bool bound(const PersistentVolumeClaim& claim);
/// Whether the volume is kept for this claim: by uid, or by name before it had one.
bool kept_for(const PersistentVolume& volume, const PersistentVolumeClaim& claim);
/// Whether the volume is nobody's.
bool open(const PersistentVolume& volume);
/// Whether the volume can do what the claim asks for: size and modes. It has to, even if somebody
/// keeps it for the claim.
bool serves(const PersistentVolume& volume, const PersistentVolumeClaim& claim);
/// Whether it is also one of those that the claim may choose from: classes and labels.
bool suits(const PersistentVolume& volume, const PersistentVolumeClaim& claim);
int64_t bytes_of(const PersistentVolume& volume);
int64_t bytes_asked(const PersistentVolumeClaim& claim);

/// Writes in both that they belong together. Returns whether anything changed.
bool bind(PersistentVolumeClaim& claim, PersistentVolume& volume, timestamp now);
/// The volume is open again, or kept for the claim by name alone if its user wants that. Returns
/// whether anything changed.
bool unbind(PersistentVolume& volume);

/// A directory of `node` for the claim, kept for it already. `machine` is the Node object, null if
/// it is not known.
PersistentVolume provision(const PersistentVolumeClaim& claim, const StorageClass& of,
                           const std::string& node, const k8s::core::v1::Node* machine = nullptr);

/// What a volume's phase is to be; `claim` is the one it names, null if that is gone. Where that
/// has got another volume, one that was made for it is released, and any other available.
std::string phase_of(const PersistentVolume& volume, const PersistentVolumeClaim* claim);

/// Why nobody can do what is to be done with a volume that was released.
struct reclaim_fault {
  const char* reason;
  std::string message;
};
/// Nothing if nobody has to do anything, or somebody may.
std::optional<reclaim_fault> reclaim_fault_of(const PersistentVolume& volume);

/// A claim that asks for more than it has, of a volume that can simply be given more.
bool grows(const PersistentVolumeClaim& claim, const PersistentVolume& volume);
void grow(PersistentVolumeClaim& claim, PersistentVolume& volume);

} // namespace troupe::volumes
