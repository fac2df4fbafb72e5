#include "actors/controllers/taint_eviction.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/pods_by_node.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/controllers/taint_eviction_plan.hpp"
#include "actors/gateway/decoded.hpp"

namespace troupe::controllers {

namespace {

using k8s::core::v1::Node;
using k8s::core::v1::Pod;

/// Looks at pods; those of nodes without such taints are none of its business.
class taint_eviction_controller : public reconciler {
public:
  taint_eviction_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "taint-eviction-controller"} {
    listen(nodes, [this](auto& entry, bool gone) { hear_node(*entry, gone); });
    listen(pods, [this](auto& entry, bool gone) {
      auto node = by_node.hear(*entry, gone);
      if (gone) sentenced.erase(std::string(entry->key()));
      if (!node.empty() && tainted.contains(std::string(node))) mark(entry->key());
    });
  }

private:
  void forget() override {
    by_node.clear();
    tainted.clear();
    sentenced.clear();
  }

  void hear_node(const storage::entry& entry, bool gone) {
    std::string name(gateway::split_key(entry.key()).name);
    bool sends_away = false;
    if (!gone)
      for (auto node = gateway::decoded<Node>(entry); auto& t : node->spec().taints())
        sends_away = sends_away || t.effect() == "NoExecute";
    bool before = sends_away ? !tainted.insert(name).second : tainted.erase(name) > 0;
    if (sends_away || before)
      for (auto& key : by_node.on(name)) mark(key);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    Pod pod;
    Node node;
    if (!entry || !gateway::read_entry(*entry, pod) || pod.metadata().has_deletion_timestamp())
      return;
    auto place = r.now.find(gateway::key_of(nodes, {}, pod.spec().node_name()));
    if (!place || !gateway::read_entry(*place, node)) return;
    auto when = leaves_at(pod, node, r.at);
    if (!when) {
      if (sentenced.erase(r.key)) note(r, pod, "Cancelling deletion of Pod ");
      return;
    }
    if (*when > r.at.seconds) {
      sentenced.insert(r.key);
      return r.again_at({*when, 0});
    }
    r.write.rely_on(*place); // a node that has got well meanwhile keeps its pods
    auto object = gateway::load(pods, *entry);
    auto& going = static_cast<Pod&>(*object);
    bool told = set_pod_condition(going, "DisruptionTarget", true, "DeletionByTaintManager",
                                  "Taint manager: deleting due to NoExecute taint", r.at);
    if (told) { // first why, then the deletion: the next look comes with the change
      r.again_after(std::chrono::milliseconds{1});
      if (auto ok = r.write.update(pods, *entry, std::move(object), "status"); !ok)
        r.fail(ok.error());
      return;
    }
    sentenced.erase(r.key);
    note(r, pod, "Marking for deletion Pod ");
    if (auto ok = r.write.remove(pods, *entry); !ok) r.fail(ok.error());
  }

  void note(round& r, const Pod& pod, const char* what) {
    r.events.note(pods, pod.metadata(), "Normal", "TaintManagerEviction",
                  what + pod.metadata().namespace_() + "/" + pod.metadata().name());
  }

  const schema::kind& nodes = built_in("", "v1", "nodes");
  const schema::kind& pods = built_in("", "v1", "pods");
  pods_by_node by_node;
  std::set<std::string> tainted;
  std::set<std::string> sentenced; ///< keys of pods that are to go later
};

} // namespace

controller_actor::behavior_type taint_eviction(controller_actor::pointer self, environment given) {
  return run<taint_eviction_controller>(self, std::move(given));
}

} // namespace troupe::controllers
