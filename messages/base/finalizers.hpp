// Finalizers that the API server sets and controllers take away.
#pragma once

namespace troupe::finalizers {

constexpr const char* orphan = "orphan";                      ///< dependents lose their owner first
constexpr const char* foreground = "foregroundDeletion";      ///< dependents go first
constexpr const char* claim = "kubernetes.io/pvc-protection"; ///< a pod uses the claim
constexpr const char* volume = "kubernetes.io/pv-protection"; ///< a claim is bound to the volume

} // namespace troupe::finalizers
