#include "actors/controllers/deployment.hpp"

#include "actors/controllers/children.hpp"
#include "actors/controllers/deployment_plan.hpp"
#include "actors/gateway/failures.hpp"
#include "messages/schema/pod_phase.hpp"

namespace troupe::controllers {

namespace {

using k8s::apps::v1::Deployment;
using k8s::apps::v1::ReplicaSet;

struct set_view {
  storage::entry_ptr entry;
  std::string_view key;
  bool going = false;
  ReplicaSet set;

  static set_view of(storage::entry_ptr entry) {
    set_view v{entry, entry->key()};
    gateway::read_entry(*entry, v.set);
    v.set.mutable_metadata()->set_resource_version(std::to_string(entry->mod_revision()));
    v.going = v.set.metadata().has_deletion_timestamp();
    return v;
  }
};

class deployment_controller : public reconciler {
public:
  deployment_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "deployment-controller"},
        kind{built_in("apps", "v1", "deployments")}, sets{built_in("apps", "v1", "replicasets")},
        pods{built_in("", "v1", "pods")}, family{"Deployment", "apps/"} {
    listen(kind, [this](auto& c) { hear_deployment(c.entry, c.gone); });
    listen(sets, [this](auto& c) { hear_set(c.entry, c.gone); });
    listen(pods, [this](auto& c) { hear_pod(c); });
  }

private:
  void forget() override {
    family.clear();
    running.clear();
    above.clear();
  }

  void hear_deployment(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    if (gone) return family.erase_owner(key);
    Deployment d;
    gateway::read_entry(*entry, d);
    auto selector = label_selector::from(d.spec().selector());
    family.put_owner({key, d.metadata().namespace_(), d.metadata().uid(),
                      selector && !selector->empty() ? *selector : label_selector::nothing(),
                      d.metadata().has_deletion_timestamp()});
    mark(key);
  }

  void hear_set(const storage::entry_ptr& entry, bool gone) {
    family.hear_child(entry, gone, [this](auto& key) { mark(key); });
    auto uid = metadata_of(*entry).uid();
    auto owner = controller_of(entry->value());
    if (gone || !owner)
      above.erase(uid);
    else
      above[uid] = std::string(owner->uid);
  }

  /// Counts the pods of each set that have not ended: a deployment that recreates waits for them.
  void hear_pod(const change& c) {
    auto count = [&](const storage::entry_ptr& entry, int by) {
      if (schema::is_over(entry->field("status.phase").value_or(""))) return;
      auto owner = controller_of(entry->value());
      if (!owner || owner->kind != "ReplicaSet") return;
      std::string uid(owner->uid);
      if ((running[uid] += by) > 0) return;
      running.erase(uid);
      if (auto d = above.find(uid); d != above.end())
        if (auto key = family.key_of(d->second)) mark(*key);
    };
    if (c.before) count(c.before, -1);
    if (!c.gone) count(c.entry, +1);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    auto owner = family.owner(r.key);
    if (!entry || !owner) return;
    auto d = load_as<Deployment>(kind, *entry);
    auto claims = family.claimed_by(*owner);
    if (settle_claims<set_view>(r, claims, sets, kind, d->metadata())) return;
    deployment_view view{*d, {}, {}, name_taken(r, *d, claims.mine), {}, r.at};
    for (auto s : claims.mine) {
      view.sets.push_back(&s->set);
      auto count = running.find(s->set.metadata().uid());
      if (count != running.end()) view.running.insert(*count);
    }
    if (!carry_out(r, *entry, *d, view) && !gateway::for_namespace_goes(*r.failure)) {
      view.refusal = r.failure->message;
      carry_out(r, *entry, *d, view);
    }
    if (!r.write.empty()) r.write.rely_on(*entry);
  }

  bool name_taken(const round& r, const Deployment& d,
                  const std::vector<const set_view*>& mine) const {
    auto key = gateway::key_of(sets, d.metadata().namespace_(), new_set_name(d));
    return r.now.find(key) &&
           std::none_of(mine.begin(), mine.end(), [&](auto s) { return s->key == key; });
  }

  /// False if a new set was refused; nothing is written then.
  bool carry_out(round& r, const storage::entry& entry, const Deployment& d,
                 const deployment_view& view) {
    auto actions = plan(view);
    for (auto& action : actions)
      if (auto a = std::get_if<create_set>(&action); a && !create(r, d, a->set)) return false;
    for (auto& action : actions) std::visit([&](auto& a) { act(a, r, entry, d); }, action);
    return true;
  }

  bool create(round& r, const Deployment& d, const ReplicaSet& wanted) {
    auto fresh = std::make_unique<ReplicaSet>(wanted);
    *fresh->mutable_metadata()->add_owner_references() = controlled_by(kind, d.metadata());
    auto made = r.write.create(sets, std::move(fresh));
    if (made) return true;
    r.events.note(kind, d.metadata(), "Warning", "ReplicaSetCreateError",
                  "Failed to create new replica set \"" + wanted.metadata().name() +
                      "\": " + made.error().message);
    r.fail(made.error());
    return false;
  }

  void act(const create_set&, round&, const storage::entry&, const Deployment&) {}

  void act(const update_set& a, round& r, const storage::entry&, const Deployment& d) {
    auto old =
        present(r, gateway::key_of(sets, d.metadata().namespace_(), a.set.metadata().name()));
    if (!old || std::to_string(old->mod_revision()) != a.set.metadata().resource_version())
      return; // it has changed: that is heard in a moment
    auto ok = r.write.update(sets, *old, std::make_unique<ReplicaSet>(a.set));
    if (!ok) r.fail(ok.error());
  }

  void act(const delete_set& a, round& r, const storage::entry&, const Deployment& d) {
    auto old = present(r, gateway::key_of(sets, d.metadata().namespace_(), a.name));
    if (!old) return;
    if (auto ok = r.write.remove(sets, *old, in_background()); !ok) r.fail(ok.error());
  }

  void act(const update_deployment& a, round& r, const storage::entry& entry, const Deployment&) {
    auto ok = r.write.update(kind, entry, std::make_unique<Deployment>(a.deployment), "status");
    if (!ok) r.fail(ok.error());
  }

  void act(const tell_scaling& a, round& r, const storage::entry&, const Deployment& d) {
    r.events.note(kind, d.metadata(), "Normal", "ScalingReplicaSet", a.message);
  }

  void act(const await_progress& a, round& r, const storage::entry&, const Deployment&) {
    r.again_at(a.until);
  }

  const schema::kind& kind;
  const schema::kind& sets;
  const schema::kind& pods;
  controllers::family<set_view> family;
  std::unordered_map<std::string, int> running;       ///< pods of a set that have not ended
  std::unordered_map<std::string, std::string> above; ///< a set's uid to its deployment's
};

} // namespace

controller_actor::behavior_type deployments(controller_actor::pointer self, environment given) {
  return run<deployment_controller>(self, std::move(given));
}

} // namespace troupe::controllers
