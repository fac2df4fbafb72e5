#include "actors/controllers/pod_garbage.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/family.hpp"
#include "actors/controllers/node_lifecycle_plan.hpp"
#include "actors/controllers/pods_by_node.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/gateway/decoded.hpp"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/schema/pod_phase.hpp"

#include <tuple>

namespace troupe::controllers {

namespace {

using k8s::core::v1::Node;
using k8s::core::v1::Pod;

constexpr size_t finished_max = 12'500;
constexpr std::chrono::seconds node_grace{40}; // a node may only be late to register
constexpr const char* out_of_service = "node.kubernetes.io/out-of-service";
constexpr const char* lost_reason = "DeletionByPodGC";

bool over(const storage::entry& pod) {
  return schema::is_over(pod.field("status.phase").value_or(""));
}

/// Whether its end was said because its node was lost: then it goes, even if the node is back.
bool was_lost(const storage::entry& pod) {
  return over(pod) && pod.value().find(lost_reason) != std::string_view::npos;
}

class pod_garbage_controller : public reconciler {
public:
  pod_garbage_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "pod-garbage-collector"} {
    listen(nodes, [this](auto& entry, bool gone) { hear_node(*entry, gone); });
    listen(pods, [this](auto& entry, bool gone) { hear_pod(*entry, gone); });
  }

private:
  void forget() override {
    there.clear();
    out.clear();
    by_node.clear();
    finished.clear();
    born.clear();
  }

  void hear_node(const storage::entry& entry, bool gone) {
    std::string name(gateway::split_key(entry.key()).name);
    if (gone) {
      there.erase(name);
      out.erase(name);
      for (auto& key : by_node.on(name)) mark_after(key, node_grace);
      return;
    }
    there.insert(name);
    auto node = gateway::decoded<Node>(entry);
    auto& taints = node->spec().taints();
    bool given_up = health_of(*node) != node_health::ready &&
                    std::any_of(taints.begin(), taints.end(),
                                [](auto& t) { return t.key() == out_of_service; });
    if (!given_up) return void(out.erase(name));
    if (out.insert(name).second)
      for (auto& key : by_node.on(name)) mark(key);
  }

  void hear_pod(const storage::entry& entry, bool gone) {
    std::string key(entry.key());
    auto node = std::string(by_node.hear(entry, gone));
    count_finished(key, entry, gone);
    if (gone) return;
    if (was_lost(entry) || (node.empty() ? is_going(entry.value()) : out.contains(node)))
      mark(key);
    else if (!node.empty() && !there.contains(node))
      mark_after(key, node_grace);
  }

  /// Pods that are over are kept up to a number; those that were evicted go first, then the oldest.
  void count_finished(const std::string& key, const storage::entry& entry, bool gone) {
    bool counts = !gone && over(entry);
    auto known = born.find(key);
    if (known != born.end() && !counts) {
      finished.erase({known->second.first, known->second.second, key});
      born.erase(known);
    } else if (known == born.end() && counts) {
      auto pod = gateway::decoded<Pod>(entry);
      auto at = pod->metadata().creation_timestamp().seconds();
      bool evicted = pod->status().phase() == "Failed" && pod->status().reason() == "Evicted";
      born.emplace(key, std::pair{!evicted, at});
      finished.emplace(!evicted, at, key);
    }
    auto oldest = finished.begin();
    for (auto surplus = finished.size(); surplus > finished_max; --surplus)
      mark(std::get<2>(*oldest++));
  }

  bool surplus(const std::string& key) const {
    if (finished.size() <= finished_max) return false;
    auto left = finished.size() - finished_max;
    for (auto at = finished.begin(); left > 0; ++at, --left)
      if (std::get<2>(*at) == key) return true;
    return false;
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    if (!entry) return;
    auto pod = static_cast<Pod&&>(*load(*entry));
    bool going = pod.metadata().has_deletion_timestamp();
    auto& node = pod.spec().node_name();
    if (was_lost(*entry)) return end(r, *entry);
    if (node.empty() ? going : going && out.contains(node)) return give_up(r, *entry, pod);
    if (!node.empty() && !r.now.find(gateway::key_of(nodes, {}, node)))
      return there.contains(node) ? void() : lose(r, *entry, pod);
    if (surplus(r.key)) end(r, *entry);
  }

  std::unique_ptr<Pod> load(const storage::entry& entry) const {
    return std::unique_ptr<Pod>(static_cast<Pod*>(gateway::load(pods, entry).release()));
  }

  /// The node is gone and the pod with it.
  void lose(round& r, const storage::entry& entry, const Pod& pod) {
    auto age = r.at.seconds - pod.metadata().creation_timestamp().seconds();
    if (age < node_grace.count()) return r.again_after(node_grace);
    auto fresh = pod;
    set_pod_condition(fresh, "DisruptionTarget", true, lost_reason, "PodGC: node no longer exists",
                      r.at);
    give_up(r, entry, std::move(fresh));
  }

  /// Nobody else will tell how it ended: first that is said, then the pod goes. It may stay for
  /// others, who wait for its end.
  void give_up(round& r, const storage::entry& entry, Pod pod) {
    if (over(entry)) return end(r, entry);
    pod.mutable_status()->set_phase("Failed");
    r.again_after(std::chrono::milliseconds{1});
    if (auto ok = r.write.update(pods, entry, std::make_unique<Pod>(std::move(pod)), "status"); !ok)
      r.fail(ok.error());
  }

  void end(round& r, const storage::entry& entry) {
    k8s::meta::v1::DeleteOptions at_once;
    at_once.set_grace_period_seconds(0);
    if (auto ok = r.write.remove(pods, entry, at_once); !ok) r.fail(ok.error());
  }

  const schema::kind& nodes = built_in("", "v1", "nodes");
  const schema::kind& pods = built_in("", "v1", "pods");
  std::set<std::string> there, out; ///< nodes; those declared out of service
  pods_by_node by_node;
  std::set<std::tuple<bool, int64_t, std::string>> finished;      ///< not evicted, age, key
  std::unordered_map<std::string, std::pair<bool, int64_t>> born; ///< of those
};

} // namespace

controller_actor::behavior_type pod_garbage(controller_actor::pointer self, environment given) {
  return run<pod_garbage_controller>(self, std::move(given));
}

} // namespace troupe::controllers
