// Reports on their way to the servers: whatever has come while the NODE AGENT was busy goes in one
// message.
#pragma once

#include "messages/cluster/node.pb.h"

#include <functional>
#include <mutex>

namespace troupe::node {

/// How many reports wait at most while no server is there. Of a pod only the last status counts.
inline constexpr size_t reports_waiting_max = 5'000;

class outbox {
public:
  /// Called when something waits and nothing did before. May not block.
  void on_waiting(std::function<void()> call);
  void put(cluster::Report report);
  /// As if something waited: whoever takes has a look around.
  void wake();
  cluster::FromNode take();

private:
  std::mutex mutex_;
  std::function<void()> wake_;
  cluster::FromNode waiting_;
};

} // namespace troupe::node
