// Decides how one container is confined: what its author, its pod, its image and this machine say
// about it, brought together. Pure.
#pragma once

#include "actors/node/environment.hpp"
#include "actors/node/images/image.hpp"
#include "actors/node/pod_record.hpp"
#include "actors/node/users.hpp"
#include "actors/runtime/container_setup.hpp"

namespace troupe::node {

/// What this machine can and has.
struct machine_view {
  uint64_t capabilities = ~uint64_t{0}; ///< bounding set
  int oom_score_min = -1000;            ///< lower cannot be set here
  int64_t memory_bytes = 0;
  int64_t cpu_milli = 1000;
  bool unified_cgroups = false;
  bool limits_hugepages = false; ///< whether a controller is there that can
  int64_t pids_max = 0;
  std::vector<std::string> unsafe_sysctls;
  std::vector<runtime::device> devices; ///< for privileged containers
};

/// Where the pod's parts lie.
struct place_view {
  std::string network_path, ipc_path, uts_path;
  std::string pid_path; ///< empty: its processes see nobody else
  std::string hostname;
  std::string cgroup; ///< of the pod
  std::string shm, hosts_file, hostname_file, resolv_file;
};

struct container_inputs {
  const Pod& pod;
  const Container& spec;
  const image& from;
  const identity& image_user;
  const environment_list& env; ///< as make_environment() gives it
  const std::vector<runtime::mount>& mounts;
  const machine_view& machine;
  const place_view& place;
  std::string id;
  std::string rootfs;
  std::string termination_log;   ///< a file on the host
  std::string localhost_seccomp; ///< the profile's JSON, if one is asked for
};

/// Fails with what CreateContainerConfigError tells.
result<runtime::container_setup> plan_container(const container_inputs& in);

/// The user that the pod's author demands, if any: for looking up before planning.
std::string wanted_user(const Pod& pod, const Container& spec, const image& from);

/// Limits of the pod as a whole.
runtime::limits pod_limits(const Pod& pod, const machine_view& machine);
/// "/troupe/burstable/podUID".
std::string pod_cgroup(const std::string& root, const Pod& pod);
/// Of one container, below its pod's.
std::string container_cgroup(const std::string& pod, const std::string& id);

/// The first sysctl that is not allowed on this node, or empty.
std::string forbidden_sysctl(const Pod& pod, const std::vector<std::string>& unsafe_allowed);

/// The seccomp profile's name below the node's seccomp directory, empty if none is asked for.
std::string localhost_profile(const Pod& pod, const Container& spec);

} // namespace troupe::node
