#include "actors/nodes/reception.hpp"

namespace troupe::nodes {

nodes_actor::behavior_type reception(nodes_actor::pointer self,
                                     std::shared_ptr<const who_plays> leads) {
  return {[self, leads](arrived_atom, const std::string& said,
                        const caf::strong_actor_ptr& agent) -> caf::result<caf::strong_actor_ptr> {
            auto now = leads->get();
            if (!now) return caf::make_error(caf::sec::cannot_connect_to_node);
            return self->delegate(now, arrived_atom_v, said, agent);
          },
          [](resync_atom) {}};
}

} // namespace troupe::nodes
