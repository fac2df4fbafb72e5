#include "actors/scheduler/writes.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/gateway/decoded.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::scheduler {

namespace {

using controllers::set_pod_condition;
using k8s::core::v1::Pod;

const schema::kind& pods() {
  static auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
  return kind;
}

void put(const storage::entry& old, const Pod& pod, storage::transaction& tx) {
  tx.require_revision(std::string(old.key()), old.mod_revision());
  tx.put(old.key(), gateway::stored_form(pods(), pod), gateway::index_of(pods(), pod));
}

const schema::kind& kind_of(const char* group, const char* plural) {
  return *schema::registry::built_in()->by_resource(group, "v1", plural);
}

template<class Object>
void put_if_changed(const schema::kind& kind, const storage::entry& old, const Object& object,
                    storage::transaction& tx) {
  auto stored = gateway::stored_form(kind, object);
  if (stored == old.value()) return;
  tx.require_revision(std::string(old.key()), old.mod_revision());
  tx.put(old.key(), stored, gateway::index_of(kind, object));
}

/// The claim and its volume belong together from now on; a volume of our own is made on the way.
/// False if one of them is not what it was.
bool write_volume(const claim_choice& chosen, const std::string& node, const storage::snapshot& now,
                  timestamp at, const std::function<uint64_t()>& random, storage::transaction& tx) {
  auto& claims = kind_of("", "persistentvolumeclaims");
  auto& volume_kind = kind_of("", "persistentvolumes");
  auto claim_entry = now.find(chosen.claim);
  volumes::PersistentVolumeClaim claim;
  if (!claim_entry || !gateway::read_entry(*claim_entry, claim)) return false;
  if (claim.metadata().has_deletion_timestamp()) return false;
  if (volumes::bound(claim)) return true;
  volumes::PersistentVolume volume;
  if (!chosen.volume.empty()) {
    auto entry = now.find(chosen.volume);
    if (!entry || !gateway::read_entry(*entry, volume)) return false;
    if (!volumes::open(volume) && !volumes::kept_for(volume, claim)) return false;
    volumes::bind(claim, volume, at);
    put_if_changed(volume_kind, *entry, volume, tx);
  } else {
    auto class_entry = now.find(
        gateway::key_of(kind_of("storage.k8s.io", "storageclasses"), {}, volumes::class_of(claim)));
    volumes::StorageClass of;
    if (!class_entry || !gateway::read_entry(*class_entry, of)) return false;
    auto machine = now.find(gateway::key_of(kind_of("", "nodes"), {}, node));
    volume = volumes::provision(
        claim, of, node, machine ? gateway::decoded<k8s::core::v1::Node>(*machine).get() : nullptr);
    volumes::note_provisioner(claim, of);
    (*claim.mutable_metadata()->mutable_annotations())[volumes::selected_node] = node;
    gateway::begin_life(random, volume, at);
    auto key = gateway::key_of(volume_kind, {}, volume.metadata().name());
    if (now.find(key)) return false; // the binder was asked for it, too
    volumes::bind(claim, volume, at);
    tx.require_absent(key);
    tx.put(key, gateway::stored_form(volume_kind, volume), gateway::index_of(volume_kind, volume));
  }
  put_if_changed(claims, *claim_entry, claim, tx);
  return true;
}

/// The claims name the node for which somebody else has to make their volumes. The pod does, too:
/// whoever empties nodes is to know that it is coming.
bool write(const await_volumes& d, const storage::entry& old, Pod& pod,
           const storage::snapshot& now, storage::transaction& tx) {
  if (!pod.spec().node_name().empty() || pod.metadata().has_deletion_timestamp()) return false;
  if (pod.status().nominated_node_name() != d.node) {
    pod.mutable_status()->set_nominated_node_name(d.node);
    put(old, pod, tx);
  }
  auto& claims = kind_of("", "persistentvolumeclaims");
  for (auto& c : d.volumes) {
    auto entry = now.find(c.claim);
    volumes::PersistentVolumeClaim claim;
    if (!entry || !gateway::read_entry(*entry, claim)) return false;
    if (volumes::bound(claim) || !c.volume.empty()) continue;
    (*claim.mutable_metadata()->mutable_annotations())[volumes::selected_node] = d.node;
    put_if_changed(claims, *entry, claim, tx);
  }
  return true;
}

bool write(const bind_pod& d, const storage::entry& old, Pod& pod, timestamp at,
           storage::transaction& tx) {
  if (!pod.spec().node_name().empty() || pod.metadata().has_deletion_timestamp() ||
      pod.spec().scheduling_gates_size() > 0)
    return false;
  pod.mutable_spec()->set_node_name(d.node);
  pod.mutable_status()->clear_nominated_node_name();
  auto& conditions = *pod.mutable_status()->mutable_conditions();
  set_pod_condition(pod, "PodScheduled", true, "", "", at);
  auto& scheduled = *controllers::find_condition(conditions, "PodScheduled");
  scheduled.clear_reason();
  scheduled.clear_message();
  put(old, pod, tx);
  return true;
}

bool write(const tell_pending& d, const storage::entry& old, Pod& pod, timestamp at,
           storage::transaction& tx) {
  if (!pod.spec().node_name().empty() || pod.metadata().has_deletion_timestamp()) return false;
  auto& status = *pod.mutable_status();
  bool changed = set_pod_condition(pod, "PodScheduled", false, d.reason, d.message, at);
  if (status.nominated_node_name() != d.nominated) {
    changed = true;
    d.nominated.empty() ? status.clear_nominated_node_name()
                        : status.set_nominated_node_name(d.nominated);
  }
  if (changed) put(old, pod, tx);
  return true;
}

bool write(const preempt_pod& d, const storage::entry& old, Pod& pod, timestamp at,
           storage::transaction& tx) {
  if (pod.metadata().has_deletion_timestamp()) return false;
  set_pod_condition(pod, "DisruptionTarget", true, "PreemptionByScheduler",
                    d.by + ": preempting to accommodate a higher priority pod", at);
  auto grace = gateway::grace_of(pod);
  auto& m = *pod.mutable_metadata();
  gateway::begin_deletion(m, at.seconds, grace);
  if (grace > 0 || !m.finalizers().empty()) {
    put(old, pod, tx);
    return true;
  }
  tx.require_revision(std::string(old.key()), old.mod_revision());
  tx.erase(old.key(), gateway::stored_form(pods(), pod), gateway::index_of(pods(), pod));
  return true;
}

bool write(const drop_nomination&, const storage::entry& old, Pod& pod, timestamp,
           storage::transaction& tx) {
  if (pod.status().nominated_node_name().empty()) return true;
  pod.mutable_status()->clear_nominated_node_name();
  put(old, pod, tx);
  return true;
}

bool write_volumes(const bind_pod& d, const storage::snapshot& now, timestamp at,
                   const std::function<uint64_t()>& random, storage::transaction& tx) {
  return std::all_of(d.volumes.begin(), d.volumes.end(),
                     [&](auto& c) { return write_volume(c, d.node, now, at, random, tx); });
}
template<class Other>
bool write_volumes(const Other&, const storage::snapshot&, timestamp,
                   const std::function<uint64_t()>&, storage::transaction&) {
  return true;
}

} // namespace

bool write(const decision& d, const storage::snapshot& now, timestamp at,
           const std::function<uint64_t()>& random, storage::transaction& tx) {
  return std::visit(
      [&](auto& what) {
        auto entry = now.find(what.pod->key());
        if (!entry) return false;
        Pod pod = *gateway::decoded<Pod>(*entry);
        if (pod.metadata().uid() != what.pod->uid) return false;
        if constexpr (std::is_same_v<std::decay_t<decltype(what)>, await_volumes>)
          return write(what, *entry, pod, now, tx);
        else
          return write(what, *entry, pod, at, tx) && write_volumes(what, now, at, random, tx);
      },
      d);
}

} // namespace troupe::scheduler
