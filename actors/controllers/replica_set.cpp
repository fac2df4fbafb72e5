#include "actors/controllers/replica_set.hpp"

#include "actors/controllers/children.hpp"
#include "actors/controllers/replica_set_plan.hpp"
#include "actors/gateway/failures.hpp"
#include "messages/api/replication.pb.h"
#include "messages/codec/json_encode.hpp"

namespace troupe::controllers {

namespace {

using k8s::apps::v1::ReplicaSet;
using k8s::apps::v1::ReplicaSetStatus;
using k8s::core::v1::ReplicationController;

/// A replication controller as the replica set that it would be today.
ReplicaSet as_replica_set(const ReplicationController& rc) {
  ReplicaSet set;
  *set.mutable_metadata() = rc.metadata();
  auto& spec = *set.mutable_spec();
  spec.set_replicas(rc.spec().replicas());
  spec.set_min_ready_seconds(rc.spec().min_ready_seconds());
  *spec.mutable_selector()->mutable_match_labels() = rc.spec().selector();
  *spec.mutable_template_() = rc.spec().template_();
  set.mutable_status()->ParsePartialFromString(rc.status().SerializeAsString());
  return set;
}

/// Their status has the same fields under the same numbers, but for those that are dying.
void put_status(ReplicationController& rc, ReplicaSetStatus status) {
  status.clear_terminating_replicas();
  rc.mutable_status()->ParsePartialFromString(codec::to_wire(status));
}

class replica_set_controller : public reconciler {
public:
  replica_set_controller(controller_actor::pointer self, environment given)
      : replica_set_controller{self, std::move(given), built_in("apps", "v1", "replicasets"),
                               "replicaset-controller"} {}

protected:
  replica_set_controller(controller_actor::pointer self, environment given,
                         const schema::kind& kind, const char* name)
      : reconciler{self, std::move(given), name}, kind{kind}, pods{built_in("", "v1", "pods")},
        family{kind.name, kind.group.empty() ? "v1" : kind.group + "/"} {
    listen(kind, [this](auto& c) { hear_set(c.entry, c.gone); });
    listen(pods, [this](auto& c) {
      family.hear_child(c.entry, c.gone, [this](auto& key) { mark(key); });
    });
  }

private:
  void forget() override {
    family.clear();
    siblings.clear();
  }

  ReplicaSet read(const storage::entry& entry) const {
    auto object = gateway::load(kind, entry);
    if (kind.group.empty()) return as_replica_set(static_cast<ReplicationController&>(*object));
    return std::move(static_cast<ReplicaSet&>(*object));
  }

  void hear_set(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    auto set = read(*entry);
    if (auto above = controller_of(entry->value())) {
      auto& group = siblings[std::string(above->uid)];
      gone ? void(group.erase(set.metadata().uid())) : void(group.insert(set.metadata().uid()));
      if (group.empty()) siblings.erase(std::string(above->uid));
    }
    if (gone) return family.erase_owner(key);
    family.put_owner(owner_of(key, set));
    mark(key);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    auto owner = family.owner(r.key);
    if (!entry || !owner) return;
    auto set = read(*entry);
    auto claims = family.claimed_by(*owner);
    // Pods that are over stay whose they are: nobody's, or its own.
    std::erase_if(claims.adopt, [](auto& p) { return pod_view::of(p).finished(); });
    std::erase_if(claims.release, [](auto p) { return p->finished(); });
    if (settle_claims<pod_view>(r, claims, pods, kind, set.metadata())) return;
    replica_set_view view{set, std::move(claims.mine), {}, r.at};
    auto alive =
        std::count_if(view.pods.begin(), view.pods.end(), [](auto p) { return p->active(); });
    if (alive > set.spec().replicas()) // only then somebody has to be chosen
      view.crowd = crowd_of(*entry, set.metadata().uid());
    replica_set_outcome outcome;
    for (auto& action : plan(view)) std::visit([&](auto& a) { act(a, r, set, outcome); }, action);
    tell(r, *entry, set.status(), status_after(view, outcome));
    if (!r.write.empty()) r.write.rely_on(*entry);
  }

  /// How many pods of this set, and of the others of whoever controls it, run on each node.
  std::map<std::string_view, int> crowd_of(const storage::entry& entry, const std::string& uid) {
    std::map<std::string_view, int> out;
    auto count = [&](const std::string& of) {
      for (auto& [key, p] : family.of(of))
        if (p->active() && !p->node.empty()) ++out[p->node];
    };
    auto above = controller_of(entry.value());
    auto group = above ? siblings.find(std::string(above->uid)) : siblings.end();
    if (group == siblings.end())
      count(uid);
    else
      for (auto& sibling : group->second) count(sibling);
    return out;
  }

  void act(const create_pods& a, round& r, const ReplicaSet& set, replica_set_outcome& outcome) {
    for (int i = 0; i < a.count; ++i) {
      auto made = r.write.create(pods, pod_from(set.spec().template_(), kind, set.metadata()));
      if (!made && gateway::for_namespace_goes(made.error())) return;
      if (!made) return give_up(r, set, outcome, "FailedCreate", "creating", made.error());
      ++outcome.created;
      r.events.note(kind, set.metadata(), "Normal", "SuccessfulCreate",
                    "Created pod: " + std::string(gateway::split_key((*made)->key()).name));
    }
  }

  void act(const delete_pod& a, round& r, const ReplicaSet& set, replica_set_outcome& outcome) {
    auto entry = present(r, a.pod->key);
    if (!entry) return; // its deletion is heard in a moment
    if (auto ok = r.write.remove(pods, *entry); !ok)
      return give_up(r, set, outcome, "FailedDelete", "deleting", ok.error());
    outcome.deleted.push_back(a.pod);
    r.events.note(kind, set.metadata(), "Normal", "SuccessfulDelete",
                  "Deleted pod: " + std::string(a.pod->name));
  }

  void act(const look_again& a, round& r, const ReplicaSet&, replica_set_outcome&) {
    r.again_at(a.at);
  }

  void give_up(round& r, const ReplicaSet& set, replica_set_outcome& outcome, const char* reason,
               const char* verb, const error& why) {
    outcome.failure_reason = reason;
    outcome.failure_message = why.message;
    r.events.note(kind, set.metadata(), "Warning", reason,
                  std::string("Error ") + verb + ": " + why.message);
    r.fail(why);
  }

  void tell(round& r, const storage::entry& entry, const ReplicaSetStatus& old,
            const ReplicaSetStatus& now) {
    if (codec::to_wire(old) == codec::to_wire(now)) return;
    auto object = gateway::load(kind, entry);
    if (kind.group.empty())
      put_status(static_cast<ReplicationController&>(*object), now);
    else
      *static_cast<ReplicaSet&>(*object).mutable_status() = now;
    if (auto ok = r.write.update(kind, entry, std::move(object), "status"); !ok) r.fail(ok.error());
  }

  const schema::kind& kind;
  const schema::kind& pods;
  controllers::family<pod_view> family;
  /// The uids of the sets that the same owner controls, by its uid.
  std::unordered_map<std::string, std::set<std::string>> siblings;
};

class replication_controller : public replica_set_controller {
public:
  replication_controller(controller_actor::pointer self, environment given)
      : replica_set_controller{self, std::move(given), built_in("", "v1", "replicationcontrollers"),
                               "replication-controller"} {}
};

} // namespace

controller_actor::behavior_type replica_sets(controller_actor::pointer self, environment given) {
  return run<replica_set_controller>(self, std::move(given));
}

controller_actor::behavior_type replication_controllers(controller_actor::pointer self,
                                                        environment given) {
  return run<replication_controller>(self, std::move(given));
}

} // namespace troupe::controllers
