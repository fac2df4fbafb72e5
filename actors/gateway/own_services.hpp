// The services by which a cluster's pods find the cluster itself: its API, and its names.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// Makes the services `kubernetes` and `kube-dns` if they are not there, and says that the API is
/// at these addresses and this port from now on. Blocks until that is durable; harmless to repeat.
result<void> publish_api(gateway& g, const std::vector<std::string>& addresses, uint16_t port);

/// Calls `changed` when anybody has changed or removed what that made, or a namespace of the
/// cluster's own, since the revision `after`: at once or on a thread of the store, where it may
/// only mark and return. Once a watch; until they are gone.
std::vector<storage::watch> watch_essentials(gateway& g, uint64_t after,
                                             const std::function<void()>& changed);

} // namespace troupe::gateway
