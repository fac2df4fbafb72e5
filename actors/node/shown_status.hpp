// Others write into a pod's status, too: a controller that took the node for lost, a server that
// was overtaken. What the node knows better it tells again.
#pragma once

#include "messages/api/pod.pb.h"

namespace troupe::node {

/// Whether what a node has told of a pod's conditions is what is shown of them.
inline bool agree(const k8s::core::v1::PodStatus& told, const k8s::core::v1::PodStatus& shown) {
  for (auto& c : told.conditions())
    for (auto& s : shown.conditions())
      if (s.type() == c.type() && s.status() != c.status()) return false;
  return true;
}

} // namespace troupe::node
