// PROXY: keeps the kernel's service maps as proxy_plan wants them, from the facts its machine is
// told.
#pragma once

#include "actors/network/proxy_plan.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <vector>

namespace troupe::network_of_pods {

struct proxy_settings {
  std::string node;
  dataplane::service_table_settings table; ///< own_pods comes from the node's range
  /// Doors of the machine itself: its DNS, for example. Asked once the node's range is known.
  std::function<doors(const address& gateway)> own_doors;
  /// Hears, after each change, which pods' addresses some door still leads to. Any thread.
  std::function<void(const std::set<address>&)> on_change;
};

proxy_actor::behavior_type proxy(proxy_actor::pointer self, proxy_settings given);

} // namespace troupe::network_of_pods
