#include "actors/controllers/daemon_set.hpp"

#include "actors/controllers/daemon_set_plan.hpp"
#include "actors/controllers/history.hpp"
#include "messages/codec/json_encode.hpp"

namespace troupe::controllers {

namespace {

using k8s::apps::v1::DaemonSet;

constexpr std::chrono::seconds failed_pod_delay_min{1};
constexpr int failed_pod_doublings_max = 9;

class daemon_set_controller : public reconciler {
public:
  daemon_set_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "daemonset-controller"} {
    listen(kind, [this](auto& entry, bool gone) { hear_set(entry, gone); });
    listen(node_kind, [this](auto& entry, bool gone) { hear_node(entry, gone); });
    auto concern = [this](auto& key) { mark(key); };
    listen(history.revisions(),
           [this, concern](auto& entry, bool gone) { history.hear(entry, gone, concern); });
    listen(pods,
           [this, concern](auto& entry, bool gone) { family.hear_child(entry, gone, concern); });
  }

private:
  void forget() override {
    family.clear();
    history.clear();
    nodes.clear();
    keys.clear();
  }

  void hear_set(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    if (gone) {
      keys.erase(key);
      failures.erase(key);
      family.erase_owner(key);
      return history.erase_owner(key);
    }
    DaemonSet set;
    gateway::read_entry(*entry, set);
    auto owner = owner_of(key, set);
    history.put_owner(owner);
    family.put_owner(std::move(owner));
    keys.insert(key);
    mark(key);
  }

  /// Most changes of a node are reports; only what decides who may run there concerns anybody.
  void hear_node(const storage::entry_ptr& entry, bool gone) {
    std::string name(gateway::split_key(entry->key()).name);
    auto old = nodes.find(name);
    if (gone) {
      if (old == nodes.end()) return;
      nodes.erase(old);
    } else {
      auto node = daemon_node::of(entry);
      bool same = old != nodes.end() && old->second.same_as(node);
      nodes.insert_or_assign(name, std::move(node));
      if (same) return;
    }
    for (auto& key : keys) mark(key);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    auto owner = family.owner(r.key);
    if (!entry || !owner) return;
    auto set = load_as<DaemonSet>(kind, *entry);
    auto claims = family.claimed_by(*owner);
    if (settle_claims<pod_view>(r, claims, pods, kind, set->metadata())) return;
    // Its history goes with it, perhaps before its pods: nothing is made anew, nor said of them.
    if (set->metadata().has_deletion_timestamp()) return;
    history_plan past;
    if (!history.keep(r, set->metadata(), set->spec().template_(), set->status().collision_count(),
                      past)) {
      set->mutable_status()->set_collision_count(set->status().collision_count() + 1);
      return put_status(r, *entry, std::move(set));
    }
    daemon_set_view view{*set, nodes, std::move(claims.mine), past.hash, r.at};
    auto status = status_of(view);
    for (auto& action : plan(view)) std::visit([&](auto& a) { act(a, r, *set, past); }, action);
    std::vector<std::string> in_use{past.current};
    for (auto p : view.pods)
      in_use.push_back(set->metadata().name() + "-" +
                       std::string(p->label("controller-revision-hash")));
    history.trim(r, set->metadata().uid(), in_use, set->spec().revision_history_limit());
    if (codec::to_wire(status) != codec::to_wire(set->status())) {
      *set->mutable_status() = std::move(status);
      put_status(r, *entry, std::move(set));
    }
    if (!r.write.empty()) r.write.rely_on(*entry);
  }

  void put_status(round& r, const storage::entry& entry, std::unique_ptr<DaemonSet> set) {
    if (auto ok = r.write.update(kind, entry, std::move(set), "status"); !ok) r.fail(ok.error());
  }

  void act(const create_daemon& a, round& r, const DaemonSet& set, const history_plan& past) {
    if (r.failure) return;
    auto pod = pod_from(set.spec().template_(), kind, set.metadata());
    auto& labels = *pod->mutable_metadata()->mutable_labels();
    labels["controller-revision-hash"] = past.hash;
    auto count = set.metadata().annotations().find("deprecated.daemonset.template.generation");
    if (count != set.metadata().annotations().end())
      labels["pod-template-generation"] = count->second;
    give_node(*pod, a.node);
    auto made = r.write.create(pods, std::move(pod));
    if (!made) {
      r.events.note(kind, set.metadata(), "Warning", "FailedCreate",
                    "Error creating: " + made.error().message);
      return r.fail(made.error());
    }
    r.events.note(kind, set.metadata(), "Normal", "SuccessfulCreate",
                  "Created pod: " + std::string(gateway::split_key((*made)->key()).name));
  }

  void act(const delete_daemon& a, round& r, const DaemonSet& set, const history_plan&) {
    auto entry = present(r, a.pod->key);
    if (!entry) return;
    std::string name(a.pod->name), node = node_of(*a.pod);
    if (*a.why) {
      if (!may_replace(r, node)) return;
      bool failed = a.pod->phase == pod_phase::failed;
      r.events.note(kind, set.metadata(), failed ? "Warning" : "Normal", a.why,
                    std::string("Found ") + (failed ? "failed" : "succeeded") + " daemon pod " +
                        set.metadata().namespace_() + "/" + name + " on node " + node +
                        ", will try to " + (failed ? "kill it" : "delete it"));
    }
    if (auto ok = r.write.remove(pods, *entry); !ok) {
      r.events.note(kind, set.metadata(), "Warning", "FailedDelete",
                    "Error deleting: " + ok.error().message);
      return r.fail(ok.error());
    }
    r.events.note(kind, set.metadata(), "Normal", "SuccessfulDelete", "Deleted pod: " + name);
  }

  /// Pods that end again and again on a node are replaced more and more slowly.
  bool may_replace(round& r, const std::string& node) {
    auto& f = failures[r.key][node];
    auto delay = failed_pod_delay_min * (1 << std::min(f.count, failed_pod_doublings_max));
    timestamp due{f.last.seconds + delay.count(), f.last.nanos};
    if (f.count > 0 && r.at < due) {
      r.again_at(due);
      return false;
    }
    bool calm = r.at.seconds - f.last.seconds > 2 * delay.count();
    f = {f.count > 0 && calm ? 1 : f.count + 1, r.at};
    return true;
  }

  void act(const await_daemon& a, round& r, const DaemonSet&, const history_plan&) {
    r.again_at(a.at);
  }

  struct failure_record {
    int count = 0;
    timestamp last;
  };

  const schema::kind& kind = built_in("apps", "v1", "daemonsets");
  const schema::kind& pods = built_in("", "v1", "pods");
  const schema::kind& node_kind = built_in("", "v1", "nodes");
  controllers::family<pod_view> family{"DaemonSet", "apps/"};
  history_keeper history{kind, "controller-revision-hash"};
  std::map<std::string, daemon_node> nodes;
  std::set<std::string> keys;                                            ///< of all daemon sets
  std::map<std::string, std::map<std::string, failure_record>> failures; ///< by set and node
};

} // namespace

controller_actor::behavior_type daemon_sets(controller_actor::pointer self, environment given) {
  return run<daemon_set_controller>(self, std::move(given));
}

} // namespace troupe::controllers
