// Decides on which nodes a daemon set has pods, and how they are renewed without leaving too many
// nodes without one. Pure: no actors, clock or I/O.
#pragma once

#include "actors/controllers/pod_view.hpp"
#include "actors/scheduler/node_match.hpp"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/pod.pb.h"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

/// A node, as far as it matters whether a daemon belongs on it.
struct daemon_node {
  storage::entry_ptr entry;
  std::string name;
  std::vector<scheduler::taint> taints;

  static daemon_node of(storage::entry_ptr entry);
  bool same_as(const daemon_node& other) const;
};

/// What a pod template asks of nodes, with the tolerations that daemons get besides.
struct daemon_wish {
  explicit daemon_wish(const k8s::core::v1::PodSpec& spec);

  std::string node_name; ///< the only one, empty if any
  scheduler::node_wish nodes;
  std::vector<scheduler::toleration> tolerations;

  bool runs_on(const daemon_node& node) const;
  /// A pod that is there already may stay: only a taint that evicts sends it away.
  bool stays_on(const daemon_node& node) const;
};

struct daemon_set_view {
  const k8s::apps::v1::DaemonSet& set;
  const std::map<std::string, daemon_node>& nodes;
  std::vector<const pod_view*> pods; ///< all that it controls
  std::string hash;                  ///< of the present template
  timestamp now;
};

struct create_daemon {
  std::string node;
  bool operator==(const create_daemon&) const = default;
};
struct delete_daemon {
  const pod_view* pod = nullptr;
  const char* why = ""; ///< FailedDaemonPod, SucceededDaemonPod, empty
};
struct await_daemon {
  timestamp at;
};

using daemon_set_action = std::variant<delete_daemon, create_daemon, await_daemon>;

constexpr size_t daemons_per_round_max = 500;

/// What brings a daemon to every node that should have one, and takes it from those that should
/// not. Planning again on the outcome returns nothing but waiting.
std::vector<daemon_set_action> plan(const daemon_set_view& observed);

k8s::apps::v1::DaemonSetStatus status_of(const daemon_set_view& observed);

/// Which node a daemon pod is for, placed there yet or not.
std::string node_of(const pod_view& pod);

/// Binds a pod to its node, and lets it stay there while the node has troubles.
void give_node(k8s::core::v1::Pod& pod, const std::string& node);

} // namespace troupe::controllers
