// THE NODE AGENT: runs the pods of this machine. This header is the one way in: give it settings,
// get the actor and the door through which logs, exec and metrics of its pods are served.
//
//   node::settings given;
//   given.name = "web-1";                       // the Node object's name
//   given.data_directory = data / "node";       // images, logs, volumes: survives restarts
//   given.run_directory = "/run/troupe";        // sockets, bundles, namespaces: gone after a boot
//   given.shim_path = "/usr/lib/troupe/troupe-shim";
//   given.nodes = nodes;                        // NODES, in this process or a proxy
//   given.network = std::make_shared<bridge_network>(...);
//   auto agent = node::start_agent(system, std::move(given));  // adopts pods that still run
//   ...                                         // gateway: find_door = [d = agent->door](name)
//   {...} node::stop_agent(*agent);                   // pods keep running; cleanup() ends them
#pragma once

#include "actors/node/images/garbage.hpp"
#include "actors/node/pod_network.hpp"
#include "messages/base/time.hpp"
#include "messages/interfaces.hpp"
#include "net/http/server.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::node {

struct settings {
  std::string name;
  std::filesystem::path data_directory = "/var/lib/troupe/node";
  std::filesystem::path run_directory = "/run/troupe";
  std::string shim_path;             ///< the program troupe-shim
  std::string runtime_path = "runc"; ///< any OCI runtime that takes runc's arguments
  std::map<std::string, std::string> runtime_handlers; ///< RuntimeClass handler to runtime path

  std::string node_ip;                  ///< empty: the address of the default route's interface
  std::vector<std::string> cluster_dns; ///< what pods of dnsPolicy ClusterFirst ask
  std::string cluster_domain = "cluster.local";
  std::map<std::string, std::string> labels; ///< more labels of the Node object
  std::string version = "v1.36.0";           ///< told as the kubelet's version
  std::string cgroup_root = "troupe";        ///< below it lie the cgroups of all pods

  int pods_max = 110;
  int64_t reserved_cpu_milli = 0; ///< not for pods: capacity less this is allocatable
  int64_t reserved_memory_bytes = 100 << 20;
  int64_t pids_max = 0;                    ///< in one pod; 0: no limit of its own
  std::vector<std::string> unsafe_sysctls; ///< allowed besides the safe ones; "net.core.*" works

  uint64_t log_bytes_max = 10 << 20;       ///< of one log file; then it is rotated
  int log_files_max = 5;                   ///< of one container
  image_limits images;                     ///< when unused ones go
  std::filesystem::path
      registries_file; ///< containers-registries.conf(5) for pulling; may be empty
  std::filesystem::path
      image_watch_directory;                ///< archives dropped there are imported; may be empty
  std::filesystem::path manifest_directory; ///< static pods; may be empty
  std::chrono::seconds status_period{300};  ///< how often an unchanged node tells its status

  nodes_actor nodes;         ///< to whom it reports
  bool wants_network = true; ///< whether to be told nodes, services and slices
  std::shared_ptr<pod_network> network = std::make_shared<loopback_network>();
  /// Hears every cluster.ToNode that arrives, before the agent: for PROXY and DNS.
  std::function<void(const std::string&)> overhear;

  std::function<timestamp()> now; ///< the wall clock, for what is shown
  std::function<uint64_t()> random;

  /// What is wrong with these settings, in words; bad_request.
  result<void> validate() const;
};

/// Serves the paths that the Kubernetes API server asks of a node: /containerLogs, /exec, /attach,
/// /portForward, /metrics/..., /stats/summary, /pods, /healthz. It trusts whoever calls it: put
/// authentication in front.
class door {
public:
  virtual ~door() = default;
  /// Does not block; any thread.
  virtual void handle(http::request request, http::responder responder) = 0;
};

struct agent {
  node_agent_actor actor;
  std::shared_ptr<node::door> door;
  std::shared_ptr<void> keeps; ///< threads and files; stop_agent() ends them
};

/// Prepares the directories, adopts what still runs, announces itself to `nodes`. Needs root.
result<agent> start_agent(caf::actor_system& system, settings given);

/// Ends the agent and its threads. Pods keep running and are adopted at the next start.
void stop_agent(agent& which);

/// Ends every pod and removes all that the agent left in the kernel and under the run directory:
/// processes, mounts, namespaces, cgroups. `with_data`: and everything under the data directory.
/// Works without an agent; harmless to repeat.
result<void> cleanup(const settings& given, bool with_data);

} // namespace troupe::node
