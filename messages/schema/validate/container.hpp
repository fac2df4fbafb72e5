// The parts of a container that have files of their own.
#pragma once

#include "messages/schema/validate/rules.hpp"

namespace k8s::core::v1 {
class Lifecycle;
class Probe;
} // namespace k8s::core::v1

namespace troupe::schema::validate {

// probe.cpp
void probes(report&, const path& at, const k8s::core::v1::Container&, bool restarts);
void lifecycle(report&, const path& at, const k8s::core::v1::Lifecycle&, int64_t grace_seconds);

// environment.cpp
void environment(report&, const path& at, const k8s::core::v1::Container&, const volume_map&);

} // namespace troupe::schema::validate
