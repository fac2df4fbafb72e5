// Kernel namespaces that live on without a process in them: each is bind-mounted on a file of its
// pod. Network namespaces, which are slow to make, are made ahead of need.
#pragma once

#include "actors/node/files.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace troupe::node {

/// A few network namespaces in reserve, with their loopback up. They vanish with this process.
class namespace_reserve {
public:
  explicit namespace_reserve(size_t kept);
  ~namespace_reserve();
  result<descriptor> take();

private:
  void fill();
  const size_t kept_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<descriptor> ready_;
  std::chrono::steady_clock::time_point taken_; ///< when the last one was
  bool stopping_ = false;
  std::thread filler_;
};

/// Makes a network namespace with its loopback up.
result<descriptor> make_network_namespace();
/// Mounts a namespace on `file`, which is made.
result<void> keep_namespace(const descriptor& ns, const std::filesystem::path& file);
/// Makes UTS and IPC namespaces of a pod and keeps them at these files.
result<void> make_pod_namespaces(const std::string& hostname, const std::filesystem::path& uts,
                                 const std::filesystem::path& ipc);
/// Runs `what` on a thread of its own inside the network namespace at `path`.
result<void> inside_network(const std::string& path, const std::function<result<void>()>& what);

} // namespace troupe::node
