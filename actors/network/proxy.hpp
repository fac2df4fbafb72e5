// PROXY: keeps the kernel's service maps as proxy_plan wants them, from the facts its machine is
// told.
#pragma once

#include "actors/network/drain_board.hpp"
#include "actors/network/proxy_plan.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace troupe::network_of_pods {

struct proxy_settings {
  std::string node;
  dataplane::service_table_settings table; ///< own_pods comes from the node's range
  /// Doors of the machine itself: its DNS, for example. Asked once the node's range is known.
  std::function<doors(const address& gateway)> own_doors;
  std::shared_ptr<drain_board> board; ///< hears whom clients are led to; may be none
};

proxy_actor::behavior_type proxy(proxy_actor::pointer self, proxy_settings given);

} // namespace troupe::network_of_pods
