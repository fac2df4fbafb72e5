#include "actors/volumes/binder.hpp"

#include "actors/controllers/events_plan.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/volumes/binding.hpp"
#include "messages/api/node.pb.h"
#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace troupe::volumes {

namespace {

using controllers::built_in;
using controllers::round;

constexpr const char* default_class = "storageclass.kubernetes.io/is-default-class";

/// Before a claim says which pods it waits for: most have their place long before.
constexpr std::chrono::seconds patience{15};

template<class Object> bool read(const storage::entry* entry, Object& into) {
  return entry && gateway::read_entry(*entry, into);
}

class binder_controller : public controllers::reconciler {
public:
  binder_controller(controller_actor::pointer self, controllers::environment given)
      : reconciler{self, std::move(given), "persistentvolume-controller"} {
    listen(classes, [this](auto& entry, bool) {
      has_class = true;
      // Those without a class may get this one.
      for (auto& name : {std::string(gateway::split_key(entry->key()).name), std::string{}})
        if (auto hit = waiting.find(name); hit != waiting.end())
          for (auto& key : hit->second) mark(key);
    });
    listen(volumes, [this](auto& entry, bool gone) { hear_volume(*entry, gone); });
    listen(claims, [this](auto& entry, bool gone) { hear_claim(*entry, gone); });
    listen(pods, [this](const change& c) { hear_pod(c); });
    listen(nodes, [this](auto& entry, bool gone) {
      if (gone) hear_lost_node(std::string(gateway::split_key(entry->key()).name));
    });
    mark(first_class);
  }

private:
  void forget() override {
    has_class = false;
    open_volumes.clear();
    waiting.clear();
    class_of_volume.clear();
    class_of_claim.clear();
    claim_of.clear();
    consumers.clear();
    leaving.clear();
    mark(first_class);
  }

  /// Keeps `key` in the list of `group`, and in no other.
  static void keep(std::map<std::string, std::set<std::string>>& lists,
                   std::map<std::string, std::string>& group_of, const std::string& key,
                   const std::optional<std::string>& group) {
    if (auto known = group_of.find(key); known != group_of.end()) {
      lists[known->second].erase(key);
      group_of.erase(known);
    }
    if (!group) return;
    lists[*group].insert(key);
    group_of[key] = *group;
  }

  void hear_volume(const storage::entry& entry, bool gone) {
    std::string key(entry.key());
    mark(key);
    PersistentVolume v;
    gateway::read_entry(entry, v);
    if (auto waits = gone ? leaving.find(node_of_own(v)) : leaving.end(); waits != leaving.end()) {
      waits->second.erase(key);
      if (waits->second.empty()) leaving.erase(waits);
    }
    bool is_open = !gone && open(v);
    keep(open_volumes, class_of_volume, key, is_open ? std::optional{class_of(v)} : std::nullopt);
    if (is_open)
      for (auto& claim : waiting[class_of(v)]) mark(claim);
    auto& ref = v.spec().claim_ref();
    if (!ref.name().empty()) {
      auto claim = gateway::key_of(claims, ref.namespace_(), ref.name());
      gone ? void(claim_of[claim].erase(key)) : void(claim_of[claim].insert(key));
      mark(claim);
    }
  }

  /// Pods without a place are who claims wait for.
  void hear_pod(const change& c) {
    auto unplaced = [](const storage::entry& e) {
      return e.field("spec.nodeName").value_or("").empty();
    };
    bool waited = c.before && unplaced(*c.before);
    bool waits = !c.gone && unplaced(*c.entry);
    if (waits == waited && !(c.gone && unplaced(*c.entry))) return;
    auto pod = gateway::split_key(c.entry->key());
    for (auto& name : claims_used(c.entry->value())) {
      auto claim = gateway::key_of(claims, pod.ns, name);
      if (waits) {
        consumers[claim].emplace(pod.name);
        if (class_of_claim.contains(claim)) mark_after(claim, patience);
      } else if (auto hit = consumers.find(claim); hit != consumers.end()) {
        hit->second.erase(std::string(pod.name));
        if (hit->second.empty()) consumers.erase(hit);
      }
    }
  }

  /// Their names, one behind the other.
  std::string consumers_of(const std::string& claim) const {
    std::string out;
    if (auto hit = consumers.find(claim); hit != consumers.end())
      for (auto& name : hit->second) out.append(out.empty() ? "" : ",").append(name);
    return out;
  }

  /// Nobody there removes directories any more.
  void hear_lost_node(const std::string& node) {
    if (auto volumes_there = leaving.extract(node))
      for (auto& key : volumes_there.mapped()) mark(key);
  }

  void hear_claim(const storage::entry& entry, bool gone) {
    std::string key(entry.key());
    mark(key);
    PersistentVolumeClaim c;
    gateway::read_entry(entry, c);
    keep(waiting, class_of_claim, key,
         !gone && !bound(c) ? std::optional{class_of(c)} : std::nullopt);
    if (!c.spec().volume_name().empty()) mark(gateway::key_of(volumes, {}, c.spec().volume_name()));
    if (auto hit = claim_of.find(key); hit != claim_of.end())
      for (auto& volume : hit->second) mark(volume);
  }

  void reconcile(round& r) override {
    if (r.key == first_class) return make_first_class(r);
    if (storage::resource_of(r.key) == "persistentvolumes")
      look_at_volume(r);
    else
      look_at_claim(r);
  }

  /// A cluster that has never had a storage class gets the one that needs nothing.
  void make_first_class(round& r) {
    if (has_class || r.now.count(gateway::prefix_of(classes)) > 0) return;
    StorageClass c;
    c.mutable_metadata()->set_name("local-path");
    (*c.mutable_metadata()->mutable_annotations())[default_class] = "true";
    c.set_provisioner(own_provisioner);
    c.set_reclaim_policy("Delete");
    c.set_volume_binding_mode("WaitForFirstConsumer");
    c.set_allow_volume_expansion(true);
    if (auto made = r.write.create(classes, gateway::copy(c)); !made) r.fail(made.error());
  }

  void look_at_volume(round& r) {
    auto entry = r.now.find(r.key);
    PersistentVolume v;
    if (!read(entry, v)) return;
    PersistentVolumeClaim claim;
    auto& ref = v.spec().claim_ref();
    bool there = !ref.name().empty() &&
                 read(r.now.find(gateway::key_of(claims, ref.namespace_(), ref.name())), claim);
    auto phase = phase_of(v, there ? &claim : nullptr);
    bool going = v.metadata().has_deletion_timestamp();
    if (phase == "Available" && unbind(v)) {
      if (auto ok = r.write.update(volumes, *entry, gateway::copy(v)); !ok) r.fail(ok.error());
      return;
    }
    if (!going && phase == "Released" && v.spec().persistent_volume_reclaim_policy() == "Delete") {
      auto& made_by = v.metadata().annotations();
      auto hit = made_by.find("pv.kubernetes.io/provisioned-by");
      if (hit != made_by.end() && hit->second == own_provisioner) {
        if (auto ok = r.write.remove(volumes, *entry); !ok) r.fail(ok.error());
        return;
      }
    }
    auto fault = phase == "Released" && !going ? reclaim_fault_of(v) : std::nullopt;
    if (fault) phase = "Failed";
    if (v.status().phase() == phase || phase == "Bound") {
      if (going) let_go(r, *entry, v);
      return;
    }
    auto object = gateway::load(volumes, *entry);
    auto& status = *static_cast<PersistentVolume&>(*object).mutable_status();
    status.set_phase(phase);
    status.clear_message();
    if (fault) {
      status.set_message(fault->message);
      r.events.note(volumes, v.metadata(), "Warning", fault->reason, fault->message);
    }
    status.mutable_last_phase_transition_time()->set_seconds(r.at.seconds);
    if (auto ok = r.write.update(volumes, *entry, std::move(object), "status"); !ok)
      r.fail(ok.error());
  }

  /// Its node removes the directory and says so; where there is no node any more, nothing is left.
  void let_go(round& r, const storage::entry& entry, const PersistentVolume& v) {
    auto node = node_of_own(v);
    if (node.empty()) return;
    if (r.now.find(gateway::key_of(nodes, {}, node))) return void(leaving[node].insert(r.key));
    auto object = gateway::load(volumes, entry);
    auto& all = *gateway::meta(*object).mutable_finalizers();
    auto hit = std::find(all.begin(), all.end(), directory_finalizer);
    if (hit == all.end()) return;
    all.erase(hit);
    if (auto ok = r.write.update(volumes, entry, std::move(object)); !ok) r.fail(ok.error());
  }

  void look_at_claim(round& r) {
    auto entry = r.now.find(r.key);
    PersistentVolumeClaim claim;
    if (!read(entry, claim) || claim.metadata().has_deletion_timestamp()) return;
    if (!claim.spec().volume_name().empty()) return keep_bound(r, *entry, claim);
    if (auto volume = find_volume(r, claim)) return bind_to(r, *entry, claim, *volume);
    if (takes_default(claim) && give_default(r, *entry, claim)) return;
    StorageClass of;
    auto name = class_of(claim);
    bool has = !name.empty() && read(r.now.find(gateway::key_of(classes, {}, name)), of);
    auto note = [&](const char* type, const char* reason, const std::string& message) {
      tell_waiting(r, claim, type, reason, message);
    };
    if (name.empty())
      return note("Normal", "FailedBinding",
                  "no persistent volumes available for this claim and no storage class is set");
    if (!has)
      return note("Warning", "ProvisioningFailed",
                  "storageclass.storage.k8s.io \"" + name + "\" not found");
    auto& annotations = claim.metadata().annotations();
    auto node = annotations.find(selected_node);
    if (waits_for_consumer(of) && node == annotations.end()) {
      auto names = consumers_of(r.key);
      if (names.empty())
        return note("Normal", "WaitForFirstConsumer",
                    "waiting for first consumer to be created before binding");
      return note("Normal", "WaitForPodScheduled",
                  (names.find(',') == names.npos ? "waiting for pod " : "waiting for pods ") +
                      names + " to be scheduled");
    }
    auto provisioner = provisioner_of(of);
    if (provisioner.empty())
      return note("Warning", "ProvisioningFailed",
                  "no volume plugin matched name: " + of.provisioner());
    tell_provisioner(r, *entry, claim, of);
    if (provisioner != own_provisioner)
      return note("Normal", "ExternalProvisioning",
                  "Waiting for a volume to be created either by the external provisioner '" +
                      provisioner +
                      "' or manually by the system administrator. If volume "
                      "creation is delayed, please verify that the provisioner "
                      "is running and correctly registered.");
    if (node == annotations.end())
      return note("Warning", "ProvisioningFailed",
                  "a directory of a node can be made only when the node is known: use a storage "
                  "class with volumeBindingMode WaitForFirstConsumer");
    k8s::core::v1::Node machine;
    bool known = read(r.now.find(gateway::key_of(nodes, {}, node->second)), machine);
    auto made = provision(claim, of, node->second, known ? &machine : nullptr);
    if (auto ok = r.write.create(volumes, gateway::copy(made)); !ok) return r.fail(ok.error());
    r.events.note(claims, claim.metadata(), "Normal", "ProvisioningSucceeded",
                  "Successfully provisioned volume " + made.metadata().name());
  }

  /// Why the claim waits, and again before that is forgotten.
  void tell_waiting(round& r, const PersistentVolumeClaim& claim, const char* type,
                    const char* reason, const std::string& message) {
    r.events.note(claims, claim.metadata(), type, reason, message);
    r.again_after(controllers::event_life / 2);
  }

  /// A class has become the default since the claim was made. False if there is none.
  bool give_default(round& r, const storage::entry& entry, const PersistentVolumeClaim& claim) {
    std::vector<StorageClass> all;
    for (auto& c : r.now.list(gateway::prefix_of(classes)))
      gateway::read_entry(c, all.emplace_back());
    auto chosen = default_of(all);
    if (!chosen) return false;
    auto fresh = claim;
    fresh.mutable_spec()->set_storage_class_name(chosen->metadata().name());
    if (auto ok = r.write.update(claims, entry, gateway::copy(fresh)); !ok) r.fail(ok.error());
    return true;
  }

  /// Provisioners look for claims that name them.
  void tell_provisioner(round& r, const storage::entry& entry, PersistentVolumeClaim& claim,
                        const StorageClass& of) {
    auto told = claim;
    note_provisioner(told, of);
    if (codec::to_wire(told) == codec::to_wire(claim)) return;
    if (auto ok = r.write.update(claims, entry, gateway::copy(told)); !ok) r.fail(ok.error());
    claim = told;
  }

  /// The volume that is kept for the claim; or, if the claim need not wait, of those that suit one
  /// that can be mounted in the fewest ways, and of these the smallest.
  const storage::entry* find_volume(round& r, const PersistentVolumeClaim& claim) {
    if (auto hit = claim_of.find(r.key); hit != claim_of.end())
      for (auto& key : hit->second) {
        auto entry = r.now.find(key);
        PersistentVolume v;
        if (read(entry, v) && kept_for(v, claim) && serves(v, claim)) return entry;
      }
    StorageClass of;
    auto name = class_of(claim);
    if (!name.empty() && read(r.now.find(gateway::key_of(classes, {}, name)), of) &&
        waits_for_consumer(of))
      return nullptr; // whoever places its pod chooses
    const storage::entry* best = nullptr;
    std::pair<int, int64_t> best_excess; // ways to mount it, and bytes
    for (auto& key : open_volumes[name]) {
      auto entry = r.now.find(key);
      PersistentVolume v;
      if (!read(entry, v) || !open(v) || !suits(v, claim)) continue;
      std::pair excess{v.spec().access_modes_size(), bytes_of(v)};
      if (best && excess >= best_excess) continue;
      best = entry;
      best_excess = excess;
    }
    return best;
  }

  void bind_to(round& r, const storage::entry& entry, PersistentVolumeClaim& claim,
               const storage::entry& volume_entry) {
    auto volume_object = gateway::load(volumes, volume_entry);
    auto claim_object = gateway::load(claims, entry);
    auto& v = static_cast<PersistentVolume&>(*volume_object);
    auto& c = static_cast<PersistentVolumeClaim&>(*claim_object);
    if (!bind(c, v, r.at)) return;
    write_both(r, entry, c, volume_entry, v);
    claim = c;
  }

  /// Spec and status at once, which no client could write.
  void write_both(round& r, const storage::entry& claim_entry, const PersistentVolumeClaim& claim,
                  const storage::entry& volume_entry, const PersistentVolume& volume) {
    storage::transaction tx;
    auto put = [&](const schema::kind& kind, const storage::entry& old, const auto& object) {
      auto stored = gateway::stored_form(kind, object);
      if (stored == old.value()) return;
      tx.require_revision(std::string(old.key()), old.mod_revision());
      tx.put(old.key(), stored, gateway::index_of(kind, object));
    };
    put(volumes, volume_entry, volume);
    put(claims, claim_entry, claim);
    if (tx.mutations.empty()) return;
    r.again_after(std::chrono::milliseconds{100}); // if somebody was faster
    given.store->commit(std::move(tx), [](result<storage::outcome>) {});
  }

  void keep_bound(round& r, const storage::entry& entry, PersistentVolumeClaim& claim) {
    auto volume_entry = r.now.find(gateway::key_of(volumes, {}, claim.spec().volume_name()));
    PersistentVolume v;
    if (!read(volume_entry, v)) {
      if (!bound(claim)) return;
      return lose(r, entry, "ClaimLost",
                  "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
    }
    if (v.spec().has_claim_ref() && !kept_for(v, claim)) {
      if (bound(claim))
        return lose(r, entry, "ClaimMisbound",
                    "Two claims are bound to the same volume, this one is bound incorrectly");
      return tell_waiting(r, claim, "Warning", "FailedBinding",
                          "volume \"" + v.metadata().name() +
                              "\" already bound to a different claim.");
    }
    if (auto why = mismatch(v, claim); !v.spec().has_claim_ref() && !bound(claim) && !why.empty())
      return tell_waiting(r, claim, "Warning", "VolumeMismatch",
                          "Cannot bind to requested volume \"" + v.metadata().name() +
                              "\": " + why);
    if (grows(claim, v)) {
      grow(claim, v);
      r.events.note(claims, claim.metadata(), "Normal", "FileSystemResizeSuccessful",
                    "the volume has the size that was asked for");
      return write_both(r, entry, claim, *volume_entry, v);
    }
    bind_to(r, entry, claim, *volume_entry);
  }

  void lose(round& r, const storage::entry& entry, const char* reason, const char* why) {
    auto object = gateway::load(claims, entry);
    auto& claim = static_cast<PersistentVolumeClaim&>(*object);
    auto& status = *claim.mutable_status();
    if (status.phase() == "Lost") return;
    status.set_phase("Lost");
    status.clear_access_modes();
    status.clear_capacity();
    status.clear_current_volume_attributes_class_name();
    r.events.note(claims, claim.metadata(), "Warning", reason, why);
    if (auto ok = r.write.update(claims, entry, std::move(object), "status"); !ok)
      r.fail(ok.error());
  }

  static constexpr const char* first_class = "storageclasses.storage.k8s.io//";

  const schema::kind& volumes = built_in("", "v1", "persistentvolumes");
  const schema::kind& claims = built_in("", "v1", "persistentvolumeclaims");
  const schema::kind& nodes = built_in("", "v1", "nodes");
  const schema::kind& pods = built_in("", "v1", "pods");
  const schema::kind& classes = built_in("storage.k8s.io", "v1", "storageclasses");
  bool has_class = false;
  std::map<std::string, std::set<std::string>> open_volumes; ///< keys by class
  std::map<std::string, std::set<std::string>> waiting;      ///< keys of claims by class
  std::map<std::string, std::string> class_of_volume, class_of_claim;
  std::map<std::string, std::set<std::string>> claim_of; ///< volumes that name a claim, by its key
  std::map<std::string, std::set<std::string>> leaving;  ///< volumes that wait for their node
  std::unordered_map<std::string, std::set<std::string>> consumers; ///< pods by their claim's key
};

} // namespace

controller_actor::behavior_type binder(controller_actor::pointer self,
                                       controllers::environment given) {
  return controllers::run<binder_controller>(self, std::move(given));
}

} // namespace troupe::volumes
