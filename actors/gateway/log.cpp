// Logs of a pod: which container is meant, and whether there is anything to read yet. The lines
// come from the pod's node.
#include "actors/gateway/subresources.hpp"

#include "actors/gateway/node_door.hpp"

namespace troupe::gateway {

void pod_log(gateway& g, call_ptr c) {
  auto entry = g.given.store->current().get(key_of(*c->kind, c->where.ns, c->where.name));
  if (!entry) return c->fail(not_found(*c->kind, c->where.name));
  auto object = load(*c->kind, *entry);
  auto& pod = static_cast<const k8s::core::v1::Pod&>(*object);
  auto container = choose_container(pod, std::string(c->query.get("container")));
  if (!container) return c->fail(container.error());
  if (pod.spec().node_name().empty()) return c->answer({204, {}, {}}); // nothing has run yet
  auto path = "/containerLogs/" + http::percent_encoded(c->where.ns) + "/" +
              http::percent_encoded(c->where.name) + "/" + http::percent_encoded(*container);
  ask_node(g, std::move(c), pod.spec().node_name(), path);
}

} // namespace troupe::gateway
