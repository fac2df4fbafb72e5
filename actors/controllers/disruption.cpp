#include "actors/controllers/disruption.hpp"

#include "actors/controllers/disruption_plan.hpp"
#include "actors/controllers/family.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/controllers/conditions.hpp"
#include "actors/gateway/decoded.hpp"
#include "actors/gateway/subresources.hpp"
#include "messages/api/pod.pb.h"
#include "messages/base/selector.hpp"
#include "messages/codec/json_encode.hpp"

namespace troupe::controllers {

namespace {

using k8s::core::v1::Pod;
using k8s::policy::v1::PodDisruptionBudget;

class disruption_controller : public reconciler {
public:
  disruption_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "disruption-controller", "controllermanager"} {
    listen(budgets, [this](auto& entry, bool gone) { hear_budget(entry, gone); });
    listen(pods, [this](auto& entry, bool gone) { hear_pod(entry, gone); });
    // Who controls pods and how many it wants may change what is wanted.
    for (auto k : {&deployments, &replica_sets, &stateful_sets, &replication_controllers})
      listen(*k, [this, k](const change& c) {
        auto space = by_namespace.find(std::string(namespace_in(c.entry->key())));
        if (space == by_namespace.end()) return;
        if (!c.gone && (!c.before || same_wishes(*k, *c.before, *c.entry))) return;
        for (auto& key : space->second) mark(key);
      });
  }

private:
  /// A budget and the pods that it selects.
  struct covered {
    label_selector selector;
    std::map<std::string, pod_view> pods;
  };

  void forget() override {
    covered_by.clear();
    by_namespace.clear();
  }

  void hear_budget(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    std::string ns(namespace_in(key));
    if (gone) {
      covered_by.erase(key);
      by_namespace[ns].erase(key);
      if (by_namespace[ns].empty()) by_namespace.erase(ns);
      return;
    }
    PodDisruptionBudget b;
    gateway::read_entry(*entry, b);
    auto selector = b.spec().has_selector() ? label_selector::from(b.spec().selector())
                                            : result<label_selector>(label_selector::nothing());
    if (!selector) selector = label_selector::nothing();
    auto known = covered_by.find(key);
    if (known == covered_by.end() || known->second.selector.text() != selector->text()) {
      auto& c = covered_by[key] = {*selector, {}};
      auto now = given.store->current();
      for (auto& pod : now.list(gateway::prefix_of(pods, ns)))
        if (selects(c.selector, pod)) c.pods.emplace(pod.key(), pod_view::of(&pod));
      by_namespace[ns].insert(key);
    }
    mark(key);
  }

  void hear_pod(const storage::entry_ptr& entry, bool gone) {
    if (!gone && entry->value().find("DisruptionTarget") != std::string_view::npos)
      mark(entry->key());
    if (by_namespace.empty()) return;
    auto space = by_namespace.find(std::string(namespace_in(entry->key())));
    if (space == by_namespace.end()) return;
    std::string pod(entry->key());
    int covering = 0;
    for (auto& key : space->second) {
      auto& c = covered_by[key];
      bool was = c.pods.erase(pod) > 0;
      bool is = !gone && selects(c.selector, *entry);
      if (is) c.pods.emplace(pod, pod_view::of(entry));
      if (is || was) mark(key);
      covering += is;
    }
    if (covering > 1) mark(pod);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    if (entry && storage::resource_of(r.key) == "pods") return look_at_pod(r, *entry);
    auto known = covered_by.find(r.key);
    if (!entry || known == covered_by.end()) return;
    auto b = std::unique_ptr<PodDisruptionBudget>(
        static_cast<PodDisruptionBudget*>(gateway::load(budgets, *entry).release()));
    if (b->metadata().has_deletion_timestamp()) return;
    disruption_view view{*b, {}, 0, r.at};
    for (auto& [key, p] : known->second.pods) view.pods.push_back(&p);
    auto tell = [&](const char* type, const char* reason, std::string message) {
      r.events.note(budgets, b->metadata(), type, reason, std::move(message));
    };
    if (view.pods.empty()) tell("Normal", "NoPods", "No matching pods found");
    if (needs_scale(*b)) {
      auto scale = scale_behind(r, view.pods);
      view.wanted = scale.wanted;
      view.fault = scale.fault;
      if (!scale.fault.empty())
        tell("Warning", "CalculateExpectedPodCountFailed",
             "Failed to calculate the number of expected pods: " + scale.fault);
      else if (scale.unmanaged)
        tell("Warning", "UnmanagedPods",
             "Pods selected by this PodDisruptionBudget (selector: " +
                 printed(b->spec().selector()) +
                 ") were found to be unmanaged. As a result, the status of the PDB cannot be "
                 "calculated correctly, which may result in undefined behavior. To account for "
                 "these pods please set \".spec.minAvailable\" field of the PDB to an integer "
                 "value.");
    }
    auto next = plan(view);
    if (next.look_again) r.again_at(*next.look_again);
    for (auto p : next.stayed) {
      auto& ns = b->metadata().namespace_();
      r.events.note(pods, p->whole()->metadata(), "Warning", "NotDeleted",
                    "Pod was expected by PDB " + ns + "/" + ns + " to be deleted but it wasn't");
    }
    if (codec::to_wire(next.status) == codec::to_wire(b->status())) return;
    *b->mutable_status() = std::move(next.status);
    if (auto ok = r.write.update(budgets, *entry, std::move(b), "status"); !ok) r.fail(ok.error());
  }

  /// A pod that was to be taken away, and was not, no longer says so.
  void look_at_pod(round& r, const storage::entry& entry) {
    tell_of_several(r, entry);
    auto due = disruption_forgotten_at(*gateway::decoded<Pod>(entry));
    if (!due) return;
    if (r.at < *due) return r.again_at(*due);
    auto object = gateway::load(pods, entry);
    set_pod_condition(static_cast<Pod&>(*object), "DisruptionTarget", false, "", "", r.at);
    if (auto ok = r.write.update(pods, entry, std::move(object), "status"); !ok) r.fail(ok.error());
  }

  /// A pod that several budgets cover cannot be evicted.
  void tell_of_several(round& r, const storage::entry& entry) {
    auto space = by_namespace.find(std::string(namespace_in(r.key)));
    if (space == by_namespace.end()) return;
    std::vector<std::string_view> names;
    for (auto& key : space->second)
      if (covered_by[key].pods.contains(r.key)) names.push_back(gateway::split_key(key).name);
    if (names.size() < 2) return;
    auto m = metadata_of(entry);
    r.events.note(pods, m, "Warning", "MultiplePodDisruptionBudgets",
                  "Pod \"" + m.namespace_() + "\"/\"" + m.name() +
                      "\" matches multiple PodDisruptionBudgets.  Chose \"" +
                      std::string(names[0]) + "\" arbitrarily.");
  }

  /// How many pods those who control these want.
  struct scale {
    int wanted = 0;
    bool unmanaged = false; ///< some pods have no controller
    std::string fault;      ///< somebody's size cannot be known
  };

  /// The sum of the sizes of all that control these pods, each once.
  scale scale_behind(const round& r, const std::vector<const pod_view*>& of) const {
    std::set<std::string> seen;
    scale out;
    for (auto p : of) {
      auto owner = controller_of(p->entry->value());
      out.unmanaged = out.unmanaged || !owner;
      if (!owner || !seen.insert(std::string(owner->uid)).second) continue;
      auto kind = given.kinds()->by_kind(owner->api_version, owner->kind);
      if (out.fault = fault_of(kind, *owner); !out.fault.empty()) return out;
      auto entry = holder(r, *kind, *p, *owner);
      if (!entry) {
        out.fault = "found no controllers for pod \"" + std::string(p->name) + "\"";
        return out;
      }
      auto above = controller_of(entry->value());
      if (above && above->kind == deployments.name)
        if (auto d = holder(r, deployments, *p, *above)) {
          if (!seen.insert(std::string(above->uid)).second) continue;
          kind = &deployments;
          entry = d;
        }
      out.wanted += gateway::replicas_of(*kind, *gateway::load(*kind, *entry));
    }
    return out;
  }

  /// The object of that name in the pod's namespace, if it is the one that is meant.
  static const storage::entry* holder(const round& r, const schema::kind& kind, const pod_view& pod,
                                      const controller_ref& owner) {
    auto entry = r.now.find(gateway::key_of(kind, namespace_in(pod.key), owner.name));
    return entry && metadata_of(*entry).uid() == owner.uid ? entry : nullptr;
  }

  /// Why the size of such a controller cannot be known; empty if it can.
  static std::string fault_of(const schema::kind* kind, const controller_ref& owner) {
    if (!kind)
      return "no matches for kind \"" + std::string(owner.kind) + "\" in version \"" +
             std::string(owner.api_version) + "\"";
    if (kind->find_subresource("scale")) return {};
    return kind->group_resource() + " does not implement the scale subresource";
  }

  static bool same_wishes(const schema::kind& kind, const storage::entry& a,
                          const storage::entry& b) {
    auto above = [](const storage::entry& e) {
      auto owner = controller_of(e.value());
      return owner ? owner->uid : std::string_view{};
    };
    auto size = [&](const storage::entry& e) {
      return gateway::replicas_of(kind, *gateway::load(kind, e));
    };
    return above(a) == above(b) && size(a) == size(b);
  }

  const schema::kind& budgets = built_in("policy", "v1", "poddisruptionbudgets");
  const schema::kind& pods = built_in("", "v1", "pods");
  const schema::kind& deployments = built_in("apps", "v1", "deployments");
  const schema::kind& replica_sets = built_in("apps", "v1", "replicasets");
  const schema::kind& stateful_sets = built_in("apps", "v1", "statefulsets");
  const schema::kind& replication_controllers = built_in("", "v1", "replicationcontrollers");
  std::map<std::string, covered> covered_by; ///< by the budget's key
  std::map<std::string, std::set<std::string>> by_namespace;
};

} // namespace

controller_actor::behavior_type disruptions(controller_actor::pointer self, environment given) {
  return run<disruption_controller>(self, std::move(given));
}

} // namespace troupe::controllers
