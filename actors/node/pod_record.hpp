// What a POD actor knows of its pod: how far its parts have come. Everything that pod_plan decides
// on and pod_status shows, as plain data. Times are seconds or milliseconds given from outside.
#pragma once

#include "messages/api/pod.pb.h"
#include "messages/base/time.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::node {

using k8s::core::v1::Container;
using k8s::core::v1::Pod;

/// A monotonic moment: decisions about delays are not disturbed when the wall clock is set.
using moment = std::chrono::milliseconds;

/// How far something has come that is asked for once and takes its time.
enum class progress : uint8_t { none, under_way, done, failed };

enum class role : uint8_t { init, sidecar, main, ephemeral };

enum class probe_kind : uint8_t { startup, liveness, readiness };
inline constexpr size_t probe_kinds = 3;

/// One probe of one running container.
struct probe_record {
  bool running = false; ///< a result is on its way
  moment next{};        ///< when to ask (again)
  int successes = 0, failures = 0;
  bool passed = false; ///< the threshold has been reached, and not left since
  bool failed = false;
  std::string output; ///< of the last failure
};

/// A container that has ended.
struct ending {
  int exit_code = 0;
  int signal = 0;
  std::string reason; ///< "Completed", "Error", "OOMKilled", ...
  std::string message;
  timestamp started, finished;
  std::string container_id;
};

struct container_record {
  std::string name;
  node::role role = role::main;

  enum class state : uint8_t { waiting, starting, running, ended };
  state is = state::waiting;
  std::string waiting_reason, waiting_message; ///< why it does not run yet
  int attempt = -1; ///< of the container that is or was last; 0 is the first

  progress image = progress::none; ///< for the coming start
  std::string image_name, image_id;
  int image_failures = 0;
  moment image_failed_at{}, image_retry{};

  std::string container_id; ///< of the runtime, without its scheme
  timestamp started_at;
  moment started{};
  std::optional<ending> end;      ///< of this attempt
  std::optional<ending> last_end; ///< of the one before
  int start_failures = 0;         ///< in a row: it never came to run
  moment start_retry{};

  moment backoff{};  ///< how long the next restart waits after the end
  moment ended_at{}; ///< when `end` was heard

  progress post_start = progress::none;
  progress pre_stop = progress::none;
  bool stopping = false;   ///< it has been told to end
  std::string stop_reason; ///< why, for events
  moment kill_at{};        ///< then it is killed; 0: not set
  bool signaled = false, killed = false;
  bool last_moment = false; ///< its hook took all the time; `kill_at` lies behind the pod's
  std::array<probe_record, probe_kinds> probes;
  std::vector<int64_t> groups; ///< for its status
  int64_t uid = 0, gid = 0;

  bool running() const { return is == state::running; }
  bool ended() const { return is == state::ended; }
  probe_record& probe(probe_kind k) { return probes[static_cast<size_t>(k)]; }
  const probe_record& probe(probe_kind k) const { return probes[static_cast<size_t>(k)]; }
};

struct pod_record {
  std::vector<container_record> containers; ///< in the order of the spec: init, main, ephemeral

  progress place = progress::none; ///< directories, cgroup, namespaces, network, shim
  progress volumes = progress::none;
  moment place_retry{}, volumes_retry{};
  std::string place_error, volumes_error;
  int place_failures = 0, volumes_failures = 0;
  std::vector<std::string> ips;
  std::optional<timestamp> start_time;
  moment started{}; ///< when this record began, for deadlines

  /// A fate that the node itself decided: refused, deadline, evicted. Phase Failed.
  std::string failed_reason, failed_message;
  std::optional<moment> failed_grace; ///< how long its containers get then, if not their own time

  bool ending = false; ///< it is to go, or has come to its end: containers are stopped
  moment ending_since{};
  moment grace{};
  bool gone_from_servers = false;    ///< nobody knows it any more: nothing is reported
  progress release = progress::none; ///< of what only running containers need
  progress removal = progress::none; ///< of everything it has here
  moment removal_retry{};
  bool stopped_told = false;
  bool removal_told_last = false; ///< nothing of it is shown any more

  container_record* find(const std::string& name) {
    for (auto& c : containers)
      if (c.name == name) return &c;
    return nullptr;
  }
  const container_record* find(const std::string& name) const {
    return const_cast<pod_record*>(this)->find(name);
  }
};

/// A record for a pod that has just been told of, nothing of it done.
pod_record begin_record(const Pod& pod, moment now);
/// Containers that were added to a running pod (ephemeral ones).
void take_in_containers(pod_record& record, const Pod& pod);

/// The container of that name, whatever its role; ephemeral ones in the shape of all.
std::optional<Container> container_of(const Pod& pod, const std::string& name);
/// The container whose processes an ephemeral one is to see; empty: only its own.
std::string target_of(const Pod& pod, const std::string& ephemeral);
bool restartable_init(const Container& c);

} // namespace troupe::node
