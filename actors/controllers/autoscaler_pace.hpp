// How fast an autoscaler follows what its metrics ask for: what it wanted and did before holds it
// back. Pure.
#pragma once

#include "messages/api/autoscaling_v2.pb.h"
#include "messages/base/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe::controllers {

/// What an autoscaler remembers of the last minutes. Whoever takes over begins anew.
struct pace_memory {
  struct wish {
    timestamp at;
    int32_t replicas;
  };
  struct step {
    timestamp at;
    int32_t change; ///< in replicas; negative: down
  };
  std::vector<wish> wishes;
  std::vector<step> steps;
  std::optional<step> tried; ///< it counts when the status tells of it
};

struct told {
  std::string reason, message;
};

struct pace {
  int32_t replicas;
  told able;    ///< about AbleToScale, which holds
  told limited; ///< about ScalingLimited
  bool limits;
};

/// How many replicas there may be now, of which there are `current` and should be `wanted`.
pace keep_pace(const k8s::autoscaling::v2::HorizontalPodAutoscalerSpec& spec, pace_memory& memory,
               int32_t current, int32_t wanted, timestamp now);

} // namespace troupe::controllers
