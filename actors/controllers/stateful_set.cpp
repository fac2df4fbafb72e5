#include "actors/controllers/stateful_set.hpp"

#include "actors/controllers/history.hpp"
#include "actors/controllers/stateful_set_plan.hpp"
#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <map>

namespace troupe::controllers {

namespace {

using k8s::apps::v1::StatefulSet;
using k8s::core::v1::PersistentVolumeClaim;

class stateful_set_controller : public reconciler {
public:
  stateful_set_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "statefulset-controller"} {
    listen(kind, [this](auto& entry, bool gone) { hear_set(entry, gone); });
    auto concern = [this](auto& key) { mark(key); };
    listen(history.revisions(),
           [this, concern](auto& entry, bool gone) { history.hear(entry, gone, concern); });
    listen(pods,
           [this, concern](auto& entry, bool gone) { family.hear_child(entry, gone, concern); });
    listen(claims, [this](auto& entry, bool) {
      if (auto set = awaited.extract(std::string(entry->key()))) mark(set.mapped());
    });
  }

private:
  void forget() override {
    family.clear();
    history.clear();
    awaited.clear();
  }

  void hear_set(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    if (gone) {
      family.erase_owner(key);
      return history.erase_owner(key);
    }
    StatefulSet set;
    gateway::read_entry(*entry, set);
    auto owner = owner_of(key, set);
    history.put_owner(owner);
    family.put_owner(std::move(owner));
    mark(key);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    auto owner = family.owner(r.key);
    if (!entry || !owner) return;
    auto set = load_as<StatefulSet>(kind, *entry);
    auto claims = family.claimed_by(*owner);
    // Only pods that bear a name of the set's are its.
    std::erase_if(claims.adopt, [&](auto& p) {
      return !ordinal_of(set->metadata().name(), gateway::split_key(p->key()).name);
    });
    if (settle_claims<pod_view>(r, claims, pods, kind, set->metadata())) return;
    history_plan past;
    if (!history.keep(r, set->metadata(), set->spec().template_(), set->status().collision_count(),
                      past)) {
      set->mutable_status()->set_collision_count(set->status().collision_count() + 1);
      return put_status(r, *entry, std::move(set));
    }
    stateful_set_view view{*set, std::move(claims.mine), past.current, r.at};
    auto status = status_of(view);
    for (auto& action : plan(view)) std::visit([&](auto& a) { act(a, r, *set); }, action);
    replace_claims(r, *set, view.pods);
    keep_claims(r, *set, view.pods);
    trim(r, *set, view, status);
    if (codec::to_wire(status) != codec::to_wire(set->status())) {
      *set->mutable_status() = std::move(status);
      put_status(r, *entry, std::move(set));
    }
    if (!r.write.empty()) r.write.rely_on(*entry);
  }

  void put_status(round& r, const storage::entry& entry, std::unique_ptr<StatefulSet> set) {
    if (auto ok = r.write.update(kind, entry, std::move(set), "status"); !ok) r.fail(ok.error());
  }

  void trim(round& r, const StatefulSet& set, const stateful_set_view& view,
            const k8s::apps::v1::StatefulSetStatus& status) {
    std::vector<std::string> in_use{view.update_revision, status.current_revision()};
    for (auto p : view.pods) in_use.emplace_back(p->label("controller-revision-hash"));
    history.trim(r, set.metadata().uid(), in_use, set.spec().revision_history_limit());
  }

  void act(const create_numbered& a, round& r, const StatefulSet& set) {
    if (r.failure) return; // one refusal is enough for a round
    auto wanted = set.spec().template_();
    for (auto known : history.of(set.metadata().uid()))
      if (known->name == a.revision) wanted = template_of(known->data);
    auto pod = pod_from(wanted, kind, set.metadata());
    give_identity(*pod, set, a.ordinal, std::string(a.revision));
    auto name = pod->metadata().name();
    if (!create_claims(r, set, a.ordinal, name)) return;
    if (r.now.find(gateway::key_of(pods, set.metadata().namespace_(), name)))
      return r.fail({errc::already_exists, "pod " + name + " exists and is somebody else's"});
    auto made = r.write.create(pods, std::move(pod));
    if (!made) return refused(r, set, "create Pod " + name, made.error());
    r.events.note(kind, set.metadata(), "Normal", "SuccessfulCreate",
                  "create Pod " + name + " in StatefulSet " + set.metadata().name() +
                      " successful");
  }

  /// False if one of them has to go first, or is refused.
  bool create_claims(round& r, const StatefulSet& set, int ordinal, const std::string& pod) {
    for (auto& claim : claims_of(set, ordinal)) {
      auto& name = claim.metadata().name();
      auto key = gateway::key_of(claims, set.metadata().namespace_(), name);
      if (auto entry = r.now.find(key)) {
        auto old = load_as<PersistentVolumeClaim>(claims, *entry);
        bool going = old->metadata().has_deletion_timestamp();
        if (!going && !is_of_earlier_pod(r, *old)) continue;
        if (going)
          r.events.note(kind, set.metadata(), "Warning", "FailedCreate",
                        "create Pod " + pod + " in StatefulSet " + set.metadata().name() +
                            " failed error: pvc " + name + " is being deleted");
        awaited[key] = r.key;
        return false;
      }
      auto fresh = std::make_unique<PersistentVolumeClaim>(claim);
      if (claim_owner_of(set, ordinal) == claim_owner::set)
        *fresh->mutable_metadata()->add_owner_references() = controlled_by(kind, set.metadata());
      auto made = r.write.create(claims, std::move(fresh));
      if (!made)
        return refused(r, set, "create Claim " + name + " for Pod " + pod, made.error()), false;
      r.events.note(kind, set.metadata(), "Normal", "SuccessfulCreate",
                    "create Claim " + name + " Pod " + pod + " in StatefulSet " +
                        set.metadata().name() + " success");
    }
    return true;
  }

  /// Whether it goes with a pod that was one too many, and is gone: a new one must not use it.
  bool is_of_earlier_pod(round& r, const PersistentVolumeClaim& claim) const {
    auto& m = claim.metadata();
    return std::any_of(m.owner_references().begin(), m.owner_references().end(), [&](auto& ref) {
      if (ref.kind() != "Pod") return false;
      auto pod = r.now.find(gateway::key_of(pods, m.namespace_(), ref.name()));
      return !pod || load_as<k8s::core::v1::Pod>(pods, *pod)->metadata().uid() != ref.uid();
    });
  }

  /// A claim that was deleted before its pod was placed is made anew.
  void replace_claims(round& r, const StatefulSet& set, const std::vector<const pod_view*>& mine) {
    if (set.spec().volume_claim_templates().empty()) return;
    for (auto p : mine) {
      auto number = ordinal_of(set.metadata().name(), p->name);
      if (number && p->phase == pod_phase::pending && !p->going && !r.failure)
        create_claims(r, set, *number, std::string(p->name));
    }
  }

  void act(const delete_numbered& a, round& r, const StatefulSet& set) {
    auto entry = present(r, a.pod->key);
    if (!entry) return;
    std::string name(a.pod->name);
    if (auto ok = r.write.remove(pods, *entry); !ok)
      return refused(r, set, "delete Pod " + name, ok.error());
    r.events.note(kind, set.metadata(), "Normal", "SuccessfulDelete",
                  "delete Pod " + name + " in StatefulSet " + set.metadata().name() +
                      " successful");
  }

  void act(const restore_labels& a, round& r, const StatefulSet& set) {
    auto entry = present(r, a.pod->key);
    auto number = ordinal_of(set.metadata().name(), a.pod->name);
    if (!entry || !number || r.write.touched(entry->key())) return;
    auto pod = load_as<k8s::core::v1::Pod>(pods, *entry);
    give_labels(*pod, *number);
    std::string name(a.pod->name);
    if (auto ok = r.write.update(pods, *entry, std::move(pod)); !ok)
      return refused(r, set, "update Pod " + name, ok.error());
    r.events.note(kind, set.metadata(), "Normal", "SuccessfulUpdate",
                  "update Pod " + name + " in StatefulSet " + set.metadata().name() +
                      " successful");
  }

  void act(const await_ready& a, round& r, const StatefulSet&) { r.again_at(a.at); }

  void refused(round& r, const StatefulSet& set, const std::string& what, const error& why) {
    r.events.note(kind, set.metadata(), "Warning",
                  what.starts_with("create")   ? "FailedCreate"
                  : what.starts_with("update") ? "FailedUpdate"
                                               : "FailedDelete",
                  what + " in StatefulSet " + set.metadata().name() +
                      " failed error: " + why.message);
    r.fail(why);
  }

  /// Claims belong to the set, to a pod that is one too many, or to nobody, as the policy says.
  void keep_claims(round& r, const StatefulSet& set, const std::vector<const pod_view*>& mine) {
    if (set.spec().volume_claim_templates().empty()) return;
    for (auto p : mine) {
      auto number = ordinal_of(set.metadata().name(), p->name);
      if (!number) continue;
      for (auto& claim : claims_of(set, *number)) {
        auto entry = r.now.find(
            gateway::key_of(claims, set.metadata().namespace_(), claim.metadata().name()));
        if (entry && !r.write.touched(entry->key())) keep_claim(r, set, *p, *number, *entry);
      }
    }
  }

  void keep_claim(round& r, const StatefulSet& set, const pod_view& pod, int ordinal,
                  const storage::entry& entry) {
    auto owner = claim_owner_of(set, ordinal);
    if (owner == claim_owner::nobody && !controller_of(entry.value())) return;
    auto claim = load_as<PersistentVolumeClaim>(claims, entry);
    auto before = codec::to_wire(*claim);
    auto& refs = *claim->mutable_metadata()->mutable_owner_references();
    refs.erase(std::remove_if(refs.begin(), refs.end(),
                              [&](auto& ref) {
                                return ref.uid() == set.metadata().uid() || ref.uid() == pod.uid;
                              }),
               refs.end());
    if (owner == claim_owner::set) *refs.Add() = controlled_by(kind, set.metadata());
    if (owner == claim_owner::pod) {
      k8s::meta::v1::ObjectMeta m;
      m.set_name(std::string(pod.name));
      m.set_uid(pod.uid);
      *refs.Add() = controlled_by(pods, m);
    }
    if (codec::to_wire(*claim) == before) return;
    if (auto ok = r.write.update(claims, entry, std::move(claim)); !ok) r.fail(ok.error());
  }

  const schema::kind& kind = built_in("apps", "v1", "statefulsets");
  const schema::kind& pods = built_in("", "v1", "pods");
  const schema::kind& claims = built_in("", "v1", "persistentvolumeclaims");
  std::map<std::string, std::string> awaited; ///< claims that have to go, and the set that waits
  controllers::family<pod_view> family{"StatefulSet", "apps/"};
  history_keeper history{kind, "controller.kubernetes.io/hash"};
};

} // namespace

controller_actor::behavior_type stateful_sets(controller_actor::pointer self, environment given) {
  return run<stateful_set_controller>(self, std::move(given));
}

} // namespace troupe::controllers
