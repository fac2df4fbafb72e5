// Where the node keeps what: everything below two directories, so that nothing is left behind.
#pragma once

#include <filesystem>
#include <string>

namespace troupe::node {

struct paths {
  std::filesystem::path run, data;

  std::filesystem::path runtime_root() const { return run / "runtime"; }
  std::filesystem::path pods() const { return run / "pods"; }
  /// Socket, bundles, namespaces and the shim's files of one pod.
  std::filesystem::path pod(const std::string& uid) const { return pods() / uid; }
  /// Volumes made of objects, in memory.
  std::filesystem::path objects() const { return run / "objects"; }
  /// Disk of a pod: its own volumes, what its containers write.
  std::filesystem::path pod_data(const std::string& uid) const { return data / "pods" / uid; }
  std::filesystem::path images() const { return data / "images"; }
  std::filesystem::path logs() const { return data / "logs"; }
  std::filesystem::path pod_logs(const std::string& ns, const std::string& name,
                                 const std::string& uid) const {
    return logs() / (ns + "_" + name + "_" + uid);
  }

  std::filesystem::path bundle(const std::string& uid, const std::string& id) const {
    return pod(uid) / "bundles" / id;
  }
};

/// The runtime's name of a container. Names of containers hold no dots.
inline std::string container_id(const std::string& uid, const std::string& name, int attempt) {
  return uid + "." + name + "." + std::to_string(attempt);
}

} // namespace troupe::node
