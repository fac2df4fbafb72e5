// What a node says about its pods in Events, in the words that users know.
#pragma once

#include "messages/api/event.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/base/time.hpp"

#include <string>

namespace troupe::node {

/// An event about a pod, or about one of its containers (`container` may be empty).
k8s::core::v1::Event pod_event(const k8s::core::v1::Pod& about, const std::string& container,
                               bool warning, const std::string& reason, std::string message,
                               const std::string& node, timestamp now);

} // namespace troupe::node
