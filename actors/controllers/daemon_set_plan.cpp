#include "actors/controllers/daemon_set_plan.hpp"

#include "actors/controllers/deployment_sizes.hpp"
#include "actors/gateway/decoded.hpp"
#include "messages/api/node.pb.h"

#include <algorithm>
#include <set>

namespace troupe::controllers {

using k8s::apps::v1::DaemonSet;
using k8s::apps::v1::DaemonSetStatus;
using k8s::core::v1::PodSpec;

namespace {

constexpr const char* hash_label = "controller-revision-hash";
constexpr const char* name_field = "metadata.name";

/// Troubles of a node that its daemons sit out.
void add_tolerations(PodSpec& spec) {
  auto tolerate = [&](const char* key, const char* effect) {
    for (auto& t : spec.tolerations())
      if (t.key() == key && t.effect() == effect && !t.has_toleration_seconds()) return;
    auto& t = *spec.add_tolerations();
    t.set_key(key);
    t.set_operator_("Exists");
    t.set_effect(effect);
  };
  tolerate("node.kubernetes.io/not-ready", "NoExecute");
  tolerate("node.kubernetes.io/unreachable", "NoExecute");
  tolerate("node.kubernetes.io/disk-pressure", "NoSchedule");
  tolerate("node.kubernetes.io/memory-pressure", "NoSchedule");
  tolerate("node.kubernetes.io/pid-pressure", "NoSchedule");
  tolerate("node.kubernetes.io/unschedulable", "NoSchedule");
  if (spec.host_network()) tolerate("node.kubernetes.io/network-unavailable", "NoSchedule");
}

/// The pods of one node.
struct crew {
  const daemon_node* node = nullptr; ///< null if there is no such node
  std::vector<const pod_view*> pods; ///< neither going nor over, the oldest first
  std::vector<const pod_view*> over;
  const pod_view* eldest = nullptr; ///< the one whose state counts, even on its way out
  bool any_going = false;
};

class round_of_nodes {
public:
  explicit round_of_nodes(const daemon_set_view& v) : v{v}, wish{v.set.spec().template_().spec()} {
    for (auto& [name, node] : v.nodes) crews[name].node = &node;
    for (auto p : v.pods) {
      if (p->going && p->finished()) continue; // whoever holds it up, nothing of it runs any more
      auto& c = crews[node_of(*p)];
      if (!c.eldest || elder(p, c.eldest)) c.eldest = p;
      if (p->going)
        c.any_going = true;
      else
        (p->finished() ? c.over : c.pods).push_back(p);
    }
    for (auto& [name, c] : crews) std::sort(c.pods.begin(), c.pods.end(), elder);
    auto& strategy = v.set.spec().update_strategy();
    rolls = strategy.type() != "OnDelete";
    for (auto& [name, c] : crews) wanted += c.node && wish.runs_on(*c.node);
    auto& rolling = strategy.rolling_update();
    surge = rolls ? resolve(rolling.max_surge(), wanted, true) : 0;
    unavailable = resolve(rolling.max_unavailable(), wanted, true);
    if (surge == 0 && unavailable == 0) unavailable = 1;
  }

  std::vector<daemon_set_action> run() {
    if (v.set.metadata().has_deletion_timestamp()) return {};
    for (auto& [name, c] : crews) man(name, c);
    if (rolls) surge > 0 ? renew_with_surge() : renew_in_place();
    if (actions.size() > daemons_per_round_max) actions.resize(daemons_per_round_max);
    if (next) actions.push_back(await_daemon{*next});
    return std::move(actions);
  }

  DaemonSetStatus status() const {
    auto out = v.set.status();
    int current = 0, stray = 0, ready = 0, available_now = 0, updated = 0;
    for (auto& [name, c] : crews) {
      bool present = !c.pods.empty() || !c.over.empty() || c.any_going;
      if (!c.node || !wish.runs_on(*c.node)) {
        stray += c.node && present;
        continue;
      }
      current += present;
      if (!c.eldest) continue;
      auto& oldest = *c.eldest; // during a surge the old one stands for both
      ready += oldest.ready;
      available_now += is_available(oldest);
      updated += is_new(oldest);
    }
    out.set_desired_number_scheduled(wanted);
    out.set_current_number_scheduled(current);
    out.set_number_misscheduled(stray);
    out.set_number_ready(ready);
    out.set_observed_generation(v.set.metadata().generation());
    auto put = [&](int value, auto set, auto clear) { value ? (out.*set)(value) : (out.*clear)(); };
    put(updated, &DaemonSetStatus::set_updated_number_scheduled,
        &DaemonSetStatus::clear_updated_number_scheduled);
    put(available_now, &DaemonSetStatus::set_number_available,
        &DaemonSetStatus::clear_number_available);
    put(wanted - available_now, &DaemonSetStatus::set_number_unavailable,
        &DaemonSetStatus::clear_number_unavailable);
    return out;
  }

private:
  static bool elder(const pod_view* a, const pod_view* b) {
    if (a->node.empty() != b->node.empty()) return b->node.empty();
    return a->created != b->created ? a->created < b->created : a->name < b->name;
  }
  bool is_new(const pod_view& p) const { return p.label(hash_label) == v.hash; }
  bool is_available(const pod_view& p) const {
    return p.available(v.set.spec().min_ready_seconds(), v.now);
  }
  bool wait_available(const pod_view& p) {
    if (is_available(p)) return true;
    if (p.ready) {
      auto at = p.available_at(v.set.spec().min_ready_seconds());
      next = std::min(next.value_or(at), at);
    }
    return false;
  }
  void remove(const pod_view* p, const char* why = "") {
    if (gone.insert(p).second) actions.push_back(delete_daemon{p, why});
  }

  /// One living pod where one belongs, none where none does.
  void man(const std::string& name, const crew& c) {
    if (!c.node) { // those that were placed are the pod garbage collector's
      for (auto p : c.pods)
        if (p->node.empty() && !name.empty()) remove(p);
      return;
    }
    if (!wish.stays_on(*c.node)) {
      for (auto p : c.pods) remove(p);
      for (auto p : c.over) remove(p);
      return;
    }
    for (auto p : c.over)
      remove(p, p->phase == pod_phase::failed ? "FailedDaemonPod" : "SucceededDaemonPod");
    // With a surge, the next one need not wait for the one before to be gone.
    bool vacant = surge > 0 || (c.over.empty() && !c.any_going);
    if (c.pods.empty() && vacant && wish.runs_on(*c.node)) actions.push_back(create_daemon{name});
    // Too many: one of each version may stay during a surge, else the oldest.
    bool seen_new = false, seen_old = false;
    for (auto p : c.pods) {
      auto& seen = surge > 0 && is_new(*p) ? seen_new : seen_old;
      if (seen) remove(p);
      seen = true;
    }
  }

  /// Whether a rollout concerns the node: one that belongs there or, though it may stay, does not.
  bool concerns(const crew& c) const {
    return c.node && (wish.runs_on(*c.node) || !c.pods.empty() || !c.over.empty() || c.any_going);
  }

  /// Old pods go first; their successors come when they are gone.
  void renew_in_place() {
    int missing = 0;
    std::vector<const pod_view*> candidates;
    for (auto& [name, c] : crews) {
      if (!concerns(c)) continue;
      if (c.pods.size() != 1) {
        ++missing; // none, or too many: seen to elsewhere
      } else if (is_new(*c.pods[0])) {
        missing += !wait_available(*c.pods[0]);
      } else if (!is_available(*c.pods[0])) {
        ++missing;
        remove(c.pods[0]); // it serves nobody
      } else {
        candidates.push_back(c.pods[0]);
      }
    }
    for (auto p : candidates) {
      if (missing >= unavailable) return;
      remove(p);
      ++missing;
    }
  }

  /// New pods come first, beside the old ones.
  void renew_with_surge() {
    int beside = 0, serving = 0;
    std::vector<std::string> candidates;
    std::vector<const pod_view*> strangers; // on nodes where none would be started any more
    for (auto& [name, c] : crews) {
      if (!concerns(c)) continue;
      const pod_view *fresh = nullptr, *old = nullptr;
      for (auto p : c.pods) (is_new(*p) ? fresh : old) = p;
      if (auto p = old ? old : fresh) serving += is_available(*p);
      if (!old) continue;
      if (!fresh && !wish.runs_on(*c.node)) {
        is_available(*old) ? strangers.push_back(old) : remove(old);
        continue;
      }
      if (!fresh) {
        // An old pod that serves nobody is replaced at once.
        if (!is_available(*old))
          actions.push_back(create_daemon{name});
        else
          candidates.push_back(name);
      } else if (wait_available(*fresh) || !old->ready) {
        remove(old);
      } else {
        ++beside;
      }
    }
    // They go when enough others serve.
    for (auto p : strangers)
      if (serving-- > wanted) remove(p);
    for (auto& name : candidates) {
      if (beside >= surge) return;
      actions.push_back(create_daemon{name});
      ++beside;
    }
  }

  const daemon_set_view& v;
  daemon_wish wish;
  std::map<std::string, crew> crews;
  int wanted = 0, surge = 0, unavailable = 0;
  bool rolls = true;
  std::vector<daemon_set_action> actions;
  std::set<const pod_view*> gone;
  std::optional<timestamp> next;
};

} // namespace

daemon_node daemon_node::of(storage::entry_ptr entry) {
  auto node = gateway::decoded<k8s::core::v1::Node>(*entry);
  daemon_node out;
  out.name = node->metadata().name();
  for (auto& t : node->spec().taints()) out.taints.emplace_back(t);
  out.entry = std::move(entry);
  return out;
}

bool daemon_node::same_as(const daemon_node& other) const {
  return taints == other.taints && entry->index().packed() == other.entry->index().packed();
}

daemon_wish::daemon_wish(const PodSpec& spec) : node_name{spec.node_name()}, nodes{spec} {
  auto full = spec;
  add_tolerations(full);
  for (auto& t : full.tolerations()) tolerations.emplace_back(t);
}

bool daemon_wish::runs_on(const daemon_node& node) const {
  return (node_name.empty() || node_name == node.name) && nodes.matches(*node.entry) &&
         !scheduler::untolerated(node.taints, tolerations);
}

bool daemon_wish::stays_on(const daemon_node& node) const {
  if ((!node_name.empty() && node_name != node.name) || !nodes.matches(*node.entry)) return false;
  auto evicting = node.taints;
  std::erase_if(evicting, [](auto& t) { return t.what != scheduler::taint::effect::no_execute; });
  return !scheduler::untolerated(evicting, tolerations);
}

std::string node_of(const pod_view& pod) {
  if (!pod.node.empty()) return std::string(pod.node);
  auto whole = pod.whole();
  auto& wanted = whole->spec()
                     .affinity()
                     .node_affinity()
                     .required_during_scheduling_ignored_during_execution();
  for (auto& term : wanted.node_selector_terms())
    for (auto& f : term.match_fields())
      if (f.key() == name_field && f.values_size() == 1) return f.values(0);
  return {};
}

void give_node(k8s::core::v1::Pod& pod, const std::string& node) {
  auto& spec = *pod.mutable_spec();
  auto& wanted = *spec.mutable_affinity()
                      ->mutable_node_affinity()
                      ->mutable_required_during_scheduling_ignored_during_execution();
  wanted.clear_node_selector_terms();
  auto& field = *wanted.add_node_selector_terms()->add_match_fields();
  field.set_key(name_field);
  field.set_operator_("In");
  field.add_values(node);
  add_tolerations(spec);
}

std::vector<daemon_set_action> plan(const daemon_set_view& observed) {
  return round_of_nodes{observed}.run();
}

DaemonSetStatus status_of(const daemon_set_view& observed) {
  return round_of_nodes{observed}.status();
}

} // namespace troupe::controllers
