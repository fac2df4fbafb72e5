#include "actors/controllers/node_lifecycle.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/node_lifecycle_plan.hpp"
#include "actors/controllers/pods_by_node.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/gateway/decoded.hpp"
#include "messages/api/pod.pb.h"

#include <set>

namespace troupe::controllers {

namespace {

using k8s::core::v1::Node;
using k8s::core::v1::Pod;

class node_lifecycle_controller : public reconciler {
public:
  node_lifecycle_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "node-controller"} {
    listen(nodes, [this](const change& c) {
      hear_node(*c.entry, c.gone);
      if (!c.gone && c.before && is_well(*c.before) && !is_well(*c.entry))
        fallen.insert(std::string(c.entry->key()));
    });
    listen(pods, [this](auto& entry, bool gone) { by_node.hear(*entry, gone); });
  }

private:
  void forget() override {
    by_node.clear();
    pace = {};
    unwell.clear();
    fallen.clear();
  }

  static bool is_well(const storage::entry& entry) {
    return health_of(*gateway::decoded<Node>(entry)) == node_health::ready;
  }

  void hear_node(const storage::entry& entry, bool gone) {
    std::string name(gateway::split_key(entry.key()).name);
    bool failed = pace.everything_fails();
    if (gone) {
      pace.erase(name);
      unwell.erase(std::string(entry.key()));
    } else {
      bool well = is_well(entry);
      pace.put(name, zone_of(*gateway::decoded<Node>(entry)), well);
      well ? void(unwell.erase(std::string(entry.key())))
           : void(unwell.insert(std::string(entry.key())));
    }
    mark(entry.key());
    if (failed != pace.everything_fails())
      for (auto& key : unwell) mark(key);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    if (!entry) return note_removal(r);
    auto object = gateway::load(nodes, *entry);
    auto& node = static_cast<Node&>(*object);
    if (auto& known = registered[r.key]; known != node.metadata().uid()) {
      known = node.metadata().uid();
      note(r, node.metadata(), "RegisteredNode", "Registered Node", "in");
    }
    auto pods_go = pace.everything_fails() ? emptying::stop : emptying::wait;
    if (pods_go != emptying::stop && wants_emptying(node) && !being_emptied(node)) {
      auto answer = pace.ask(zone_of(node), r.at);
      if (answer.now)
        pods_go = emptying::begin;
      else
        r.again_after(std::chrono::milliseconds{static_cast<int64_t>(answer.again_seconds * 1e3)});
    }
    auto name = node.metadata().name();
    if (fallen.erase(r.key))
      r.events.note(nodes, node.metadata(), "Normal", "NodeNotReady",
                    "Node " + name + " status is now: NodeNotReady");
    if (health_of(node) != node_health::ready) silence(r, name);
    auto taints = plan_taints(node, pods_go, r.at);
    google::protobuf::RepeatedPtrField<k8s::core::v1::Taint> wanted{taints.begin(), taints.end()};
    auto& had = *node.mutable_spec()->mutable_taints();
    auto text = [](auto& list) {
      std::string out;
      for (auto& t : list) out += t.SerializeAsString() + "|";
      return out;
    };
    if (text(wanted) == text(had)) return;
    had = std::move(wanted);
    if (auto ok = r.write.update(nodes, *entry, std::move(object)); !ok) r.fail(ok.error());
  }

  void note_removal(round& r) {
    auto known = registered.extract(r.key);
    if (!known) return;
    k8s::meta::v1::ObjectMeta m;
    m.set_name(std::string(gateway::split_key(r.key).name));
    m.set_uid(known.mapped());
    note(r, m, "RemovingNode", "Removing Node", "from");
  }

  void note(round& r, const k8s::meta::v1::ObjectMeta& m, const char* reason, const char* what,
            const char* where) {
    r.events.note(nodes, m, "Normal", reason,
                  "Node " + m.name() + " event: " + what + " " + m.name() + " " + where +
                      " Controller");
  }

  /// Nobody is to be sent to pods that may not be there any more.
  void silence(round& r, const std::string& name) {
    for (auto& key : by_node.on(name)) {
      auto entry = r.now.find(key);
      if (!entry) continue;
      auto object = gateway::load(pods, *entry);
      auto& conditions = *static_cast<Pod&>(*object).mutable_status()->mutable_conditions();
      auto ready = find_condition(conditions, "Ready");
      if (!ready || ready->status() != "True") continue;
      auto& pod = static_cast<Pod&>(*object);
      set_pod_condition(pod, "Ready", false, std::string(ready->reason()),
                        std::string(ready->message()), r.at);
      r.events.note(pods, pod.metadata(), "Warning", "NodeNotReady", "Node is not ready");
      if (auto ok = r.write.update(pods, *entry, std::move(object), "status"); !ok)
        return r.fail(ok.error());
    }
  }

  const schema::kind& nodes = built_in("", "v1", "nodes");
  const schema::kind& pods = built_in("", "v1", "pods");
  pods_by_node by_node;
  zone_pace pace;
  std::set<std::string> unwell, fallen;          ///< keys of nodes; those that were well before
  std::map<std::string, std::string> registered; ///< the uids of nodes by their keys
};

} // namespace

controller_actor::behavior_type node_lifecycle(controller_actor::pointer self, environment given) {
  return run<node_lifecycle_controller>(self, std::move(given));
}

} // namespace troupe::controllers
