// What placing a pod depends on, read from the pod once. Pods of one template share a shape, so
// that what was found out for one holds for the next. Pure.
#pragma once

#include "actors/scheduler/node_match.hpp"
#include "actors/scheduler/pod_selector.hpp"
#include "actors/scheduler/requests.hpp"

#include <memory>
#include <unordered_map>

namespace troupe::scheduler {

struct host_port {
  std::string ip; ///< "0.0.0.0" for all
  std::string protocol;
  int port = 0;
  bool collides(const host_port& other) const {
    return port == other.port && protocol == other.protocol &&
           (ip == other.ip || ip == "0.0.0.0" || other.ip == "0.0.0.0");
  }
};

struct affinity_term {
  pod_selector who;
  std::string topology_key;
  int weight = 0; ///< of a preference; negative keeps apart
};

struct spread_rule {
  pod_selector who;
  std::string topology_key;
  int skew_max = 1;
  int domains_min = 1;
  bool required = true;
  bool honour_wish = true; ///< count only nodes that the pod may be on by its wishes
  bool honour_taints = false;
};

struct shape {
  std::string text; ///< equal texts are equal shapes
  std::string scheduler;
  int32_t priority = 0;
  bool may_preempt = true;

  pod_needs needs;
  std::vector<host_port> ports;
  std::string node_name; ///< asked for by name (through affinity or daemon sets: node_wish)
  node_wish wish;
  std::vector<node_preference> preferences;
  std::vector<toleration> tolerations;
  std::vector<std::string> images;

  std::vector<affinity_term> together, apart, preferred; ///< other pods
  std::vector<spread_rule> spread;
};

using shape_ptr = std::shared_ptr<const shape>;

/// A pod as the SCHEDULER sees it.
struct pod_facts {
  storage::entry_ptr entry; ///< key and labels
  std::string uid;
  std::string owner; ///< uid of its controller
  shape_ptr form;
  std::vector<std::string> claims; ///< names of its persistent volume claims
  std::string node;                ///< where it is bound to
  std::string nominated;           ///< where room is made or kept for it
  int64_t created = 0;
  int64_t started = 0; ///< later than any other before it has
  bool gated = false;
  bool going = false;
  bool preempted = false; ///< sent away for the sake of a more important pod
  bool over = false;      ///< has ended: takes nothing of its node any more

  std::string_view key() const { return entry->key(); }
  std::string_view ns() const;
  std::string_view name() const;
};

using pod_ptr = std::shared_ptr<const pod_facts>;

/// Reads pods; hands out the same shape for the same text as long as somebody holds it.
class shape_book {
public:
  /// `known` is the pod as it was read before, or null: what decides about its place hardly ever
  /// changes.
  pod_ptr read(storage::entry_ptr entry, const pod_facts* known = nullptr);
  pod_ptr read(storage::entry_ptr entry, const k8s::core::v1::Pod& pod);
  resource_names& resources() { return resources_; }

private:
  shape_ptr share(const k8s::core::v1::Pod& pod);

  resource_names resources_;
  std::unordered_map<std::string, std::weak_ptr<const shape>> shapes_;
  size_t sweep_at_ = 1'024; ///< forgotten shapes are swept out when there are as many
};

} // namespace troupe::scheduler
