// A pod that is only pretended: what it would be doing at any moment, from its spec, a few
// annotations and the time. Pure.
//
//   hollow.troupe.dev/start-delay: "2s"   until its containers run
//   hollow.troupe.dev/run-time: "10s"     until they end by themselves; for ever if not given
//   hollow.troupe.dev/exit-code: "1"      with which they end
//   hollow.troupe.dev/ready: "false"      they run, but are never ready
//   hollow.troupe.dev/stop-delay: "1s"    until they end when they are told to
#pragma once

#include "messages/api/pod.pb.h"
#include "messages/base/time.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace troupe::node {

using moment = std::chrono::nanoseconds; ///< on the clock of the actors

/// What pods do that say nothing of themselves.
struct hollow_manners {
  std::chrono::nanoseconds start_delay{0};
  std::chrono::nanoseconds stop_delay{0};
  /// Of a thousand starts so many end at once with an error.
  unsigned failures_per_thousand = 0;
};

class hollow_pod {
public:
  /// `chance` decides whether this one fails, if any do.
  hollow_pod(const k8s::core::v1::Pod& pod, const hollow_manners& manners, std::string address,
             std::string host_address, moment now, uint64_t chance);

  /// The servers told it again; it may have to go.
  void told(const k8s::core::v1::Pod& pod, moment now);

  /// It runs, and is shown otherwise: a controller has taken the node for lost.
  bool misjudged(const k8s::core::v1::Pod& shown) const;

  /// Lets happen what is due. True if its status is another one afterwards.
  bool advance(moment now, timestamp wall);
  /// When something happens next by itself.
  std::optional<moment> due() const { return due_; }
  /// There is something to tell of it.
  bool begun() const { return at_ != state::starting; }
  /// It was told to go and has left nothing behind.
  bool stopped() const { return at_ == state::stopped; }

  k8s::core::v1::PodStatus status() const;
  const std::string& ns() const { return ns_; }
  const std::string& name() const { return name_; }
  const std::string& uid() const { return uid_; }

private:
  enum class state : uint8_t { starting, running, waiting, over, going, stopped };
  void end(timestamp wall);

  std::string ns_, name_, uid_;
  std::string address_, host_address_;
  struct container {
    std::string name, image;
    bool init = false;  ///< one of the init containers
    bool stays = false; ///< it runs as long as the pod does
  };
  std::vector<container> containers_; ///< init containers first
  std::string restart_policy_;
  std::chrono::nanoseconds start_delay_, stop_delay_;
  std::optional<std::chrono::nanoseconds> run_time_;
  int exit_code_ = 0;
  bool ready_ = true;

  state at_ = state::starting;
  std::optional<moment> due_;
  timestamp accepted_{}, started_{}, ended_{};
  int restarts_ = 0;
};

} // namespace troupe::node
