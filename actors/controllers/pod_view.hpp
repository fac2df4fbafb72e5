// A pod as controllers see it: what decides whether it counts, and which one goes first. Pure.
#pragma once

#include "messages/base/time.hpp"
#include "storage/entry.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace k8s::core::v1 {
class Pod;
}

namespace troupe::controllers {

enum class pod_phase : uint8_t { pending, unknown, running, succeeded, failed };

struct pod_view {
  storage::entry_ptr entry;
  std::string_view key; ///< in the store; lives in the entry
  std::string_view name;
  std::string_view node; ///< empty before it is placed
  std::string uid;
  pod_phase phase = pod_phase::pending;
  bool going = false;
  bool ready = false;
  timestamp ready_since;
  timestamp created;
  int restarts = 0; ///< of the container that restarted most often
  int sidecar_restarts = 0;
  int deletion_cost = 0;

  static pod_view of(storage::entry_ptr entry);
  /// Everything about it.
  std::shared_ptr<const k8s::core::v1::Pod> whole() const;

  bool finished() const { return phase == pod_phase::succeeded || phase == pod_phase::failed; }
  /// It counts as one of the replicas that somebody wants.
  bool active() const { return !finished() && !going; }
  /// Ready, and for long enough.
  bool available(int min_ready_seconds, timestamp now) const;
  /// The moment from which on it is available, if it stays ready.
  timestamp available_at(int min_ready_seconds) const;
  std::string_view label(std::string_view name) const {
    return entry->label(name).value_or(std::string_view{});
  }
};

/// Whether the container is an init container that stays.
bool is_sidecar(const k8s::core::v1::Pod& pod, std::string_view container);

/// Whether `a` is given up before `b`: the one that would be missed less goes first. A crowd is how
/// many of its kind run on the same node.
bool goes_before(const pod_view& a, int crowd_a, const pod_view& b, int crowd_b, timestamp now);

} // namespace troupe::controllers
