// Static pods: what the files of a directory on this machine want to run, whatever the servers say.
// The pod's uid is made of its contents, so that a changed file is another pod. Reading is pure;
// static_pods is the list that the NODE AGENT and the PODs share.
#pragma once

#include "messages/api/pod.pb.h"
#include "messages/base/error.hpp"
#include "messages/base/time.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::node {

using k8s::core::v1::Pod;

/// Annotations by which users and tools know static pods and their mirrors.
inline constexpr const char* config_source_annotation = "kubernetes.io/config.source";
inline constexpr const char* config_hash_annotation = "kubernetes.io/config.hash";
inline constexpr const char* config_seen_annotation = "kubernetes.io/config.seen";
inline constexpr const char* config_mirror_annotation = "kubernetes.io/config.mirror";

/// Pods of a manifest, as they run on `node`: named after it, with defaults, checked. Fails if
/// anything in it is no pod, is invalid, or refers to objects that only the servers know.
result<std::vector<Pod>> read_static_pods(std::string_view manifest, const std::string& node,
                                          timestamp now);

bool is_static(const Pod& pod);
/// The uid of the static pod that this object of the servers' mirrors; empty if it is no mirror.
std::string mirrored_by(const Pod& object);
/// What the servers are to show of a static pod.
Pod mirror_of(const Pod& pod);

/// Any thread.
class static_pods {
public:
  using pod_ptr = std::shared_ptr<const Pod>;

  /// What is to run from now on, by uid.
  void want(std::map<std::string, pod_ptr> pods);
  std::map<std::string, pod_ptr> wanted() const;

  /// The pod as its POD is to see it, with its end asked for once it is not wanted any more; none
  /// if it was not begun.
  pod_ptr find(const std::string& uid) const;
  void begin(const std::string& uid, pod_ptr pod);
  void forget(const std::string& uid);
  /// Asks for the end of what is not wanted any more. Returns their uids, each once.
  std::vector<std::string> end_unwanted(timestamp now);

private:
  mutable std::mutex mutex_;
  std::map<std::string, pod_ptr> wanted_, begun_;
};

} // namespace troupe::node
