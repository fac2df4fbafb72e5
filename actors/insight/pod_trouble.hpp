// What keeps one pod from being ready, and what to do about it. Pure.
#pragma once

#include "actors/insight/facts.hpp"
#include "messages/api/pod.pb.h"

namespace troupe::insight {

struct trouble {
  std::string what; ///< empty: none
  std::string remedy;
  std::string claim;    ///< a volume claim that it waits for
  bool certain = false; ///< a fault, rather than something that takes its time
};

trouble pod_trouble(const facts& around, const k8s::core::v1::Pod& pod);

} // namespace troupe::insight
