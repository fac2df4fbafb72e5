// Which nodes a pod may or likes to be on, by the nodes' labels and taints. Pure.
#pragma once

#include "actors/scheduler/pod_selector.hpp"

#include <string>
#include <vector>

namespace k8s::core::v1 {
class NodeSelector;
class NodeSelectorTerm;
class PodSpec;
class Taint;
class Toleration;
} // namespace k8s::core::v1

namespace troupe::scheduler {

/// One alternative: all its conditions must hold. Without any it selects nothing.
struct node_term {
  explicit node_term(const k8s::core::v1::NodeSelectorTerm& term);
  bool matches(const storage::entry& node) const;

  std::vector<requirement> labels;
  std::vector<requirement> fields; ///< of metadata.name
};

/// Alternatives, one of which must hold.
struct node_selector {
  node_selector() = default;
  explicit node_selector(const k8s::core::v1::NodeSelector& selector);
  bool matches(const storage::entry& node) const;

  std::vector<node_term> terms;
};

/// spec.nodeSelector and the required part of spec.affinity.nodeAffinity.
struct node_wish {
  node_wish() = default;
  explicit node_wish(const k8s::core::v1::PodSpec& spec);
  bool matches(const storage::entry& node) const;
  bool any_node() const { return labels.empty() && !has_terms; }

  label_selector labels;
  bool has_terms = false;
  node_selector terms;
};

struct node_preference {
  int weight;
  node_term term;
};

struct taint {
  enum class effect : uint8_t { no_schedule, prefer_no_schedule, no_execute, other };
  taint() = default;
  explicit taint(const k8s::core::v1::Taint& from);
  bool keeps_out() const { return what == effect::no_schedule || what == effect::no_execute; }
  bool operator==(const taint&) const = default;

  std::string key, value;
  effect what = effect::other;
};

struct toleration {
  explicit toleration(const k8s::core::v1::Toleration& from);
  bool covers(const taint& t) const;

  enum class op : uint8_t { equal, exists, less, greater };
  std::string key, value, effect;
  op how = op::equal;
};

/// The first taint that keeps out a pod with these tolerations, or null.
const taint* untolerated(const std::vector<taint>& taints,
                         const std::vector<toleration>& tolerations);
/// How many taints only advise against such a pod.
int advised_against(const std::vector<taint>& taints, const std::vector<toleration>& tolerations);

} // namespace troupe::scheduler
