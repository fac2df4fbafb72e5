// The most that a pod takes at any time, of whatever its containers ask for: schedulers and quotas
// count the same. Pure.
#pragma once

#include "messages/api/pod.pb.h"

namespace troupe::schema {

/// What the pod's containers take together while they run or while they start, whichever is more:
/// init containers that stay count beside everything that starts after them. `read` makes a `Sum`,
/// which knows add() and at_least(), of what one container says about resources.
template<class Sum, class Read> Sum peak_of(const k8s::core::v1::PodSpec& spec, Read read) {
  Sum running, starting, staying;
  for (auto& c : spec.containers()) running.add(read(c.resources()));
  for (auto& c : spec.init_containers()) {
    Sum one = read(c.resources());
    if (c.restart_policy() == "Always") {
      staying.add(one);
      starting.at_least(staying);
    } else {
      one.add(staying);
      starting.at_least(one);
    }
  }
  running.add(staying);
  running.at_least(starting);
  return running;
}

} // namespace troupe::schema
