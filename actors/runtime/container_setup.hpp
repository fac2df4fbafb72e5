// Everything that decides how a container's processes are confined and what they see, as plain
// data: what config.json is written from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::runtime {

struct mount {
  std::string destination;
  std::string type = "bind";
  std::string source;
  std::vector<std::string> options;

  bool operator==(const mount&) const = default;
};

/// Whose namespace of a kind a container is in. An empty path: one of its own.
struct namespaces {
  bool host_network = false, host_ipc = false, host_uts = false, host_pid = false;
  std::string network_path, ipc_path, uts_path, pid_path;
  bool own_cgroup = false; ///< on cgroup v2
};

struct limits {
  int64_t cpu_shares = 2;
  int64_t cpu_quota_us = 0; ///< per 100 ms; 0: none
  int64_t memory_bytes = 0; ///< 0: none
  int64_t memory_request_bytes = 0;
  int64_t pids = 0;                              ///< 0: none
  std::map<std::string, int64_t> hugepage_bytes; ///< "2MB"
  std::optional<int> oom_score;                  ///< none: the parent's
};

struct device {
  std::string path;
  char type = 'c';
  int64_t major = 0, minor = 0;
  uint32_t mode = 0666, uid = 0, gid = 0;
};

struct container_setup {
  std::string id;
  std::vector<std::string> args, env; ///< env as NAME=value
  std::string cwd = "/";
  int64_t uid = 0, gid = 0;
  std::vector<int64_t> groups;
  bool tty = false;
  std::string rootfs;
  bool rootfs_read_only = false;
  std::string hostname; ///< set only in a UTS namespace of its own
  runtime::namespaces in;
  std::vector<mount> mounts; ///< after those that every container has
  std::vector<std::string> capabilities;
  bool no_new_privileges = false;
  bool privileged = false;
  bool unmasked_proc = false;
  std::string seccomp_json; ///< empty: unconfined
  std::string cgroup_path;
  runtime::limits limits;
  std::vector<device> devices;
  std::map<std::string, std::string> sysctls;
};

/// The OCI bundle's config.json.
std::string config_json(const container_setup& of);
/// The process document of a command that is run in the container beside its own.
std::string exec_json(const container_setup& of, const std::vector<std::string>& args, bool tty);

} // namespace troupe::runtime
