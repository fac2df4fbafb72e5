// RECEPTION: what the agents of this process take for NODES, whoever plays NODES at the moment.
#pragma once

#include "messages/interfaces.hpp"

#include <memory>
#include <mutex>

namespace troupe::nodes {

/// Who plays NODES. Any thread.
class who_plays {
public:
  void set(nodes_actor now) {
    std::lock_guard lock{mutex_};
    now_ = std::move(now);
  }
  nodes_actor get() const {
    std::lock_guard lock{mutex_};
    return now_;
  }

private:
  mutable std::mutex mutex_;
  nodes_actor now_;
};

/// Leads agents that arrive to NODES; while there is none, they are to try again.
nodes_actor::behavior_type reception(nodes_actor::pointer self,
                                     std::shared_ptr<const who_plays> leads);

} // namespace troupe::nodes
