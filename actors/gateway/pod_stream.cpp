// exec, attach and port-forward: which container of which machine is meant.
#include "actors/gateway/node_door.hpp"
#include "actors/gateway/subresources.hpp"

namespace troupe::gateway {

void pod_stream(gateway& g, call_ptr c) {
  auto entry = g.given.store->current().get(key_of(*c->kind, c->where.ns, c->where.name));
  if (!entry) return c->fail(not_found(*c->kind, c->where.name));
  auto object = load(*c->kind, *entry);
  auto& pod = static_cast<const k8s::core::v1::Pod&>(*object);
  if (pod.spec().node_name().empty())
    return c->fail({errc::bad_request, "pod " + c->where.name + " does not have a host assigned"});
  auto about = http::percent_encoded(c->where.ns) + "/" + http::percent_encoded(c->where.name);
  if (c->sub->name == "portforward")
    return ask_node(g, std::move(c), pod.spec().node_name(), "/portForward/" + about);
  auto container = choose_container(pod, std::string(c->query.get("container")));
  if (!container) return c->fail(container.error());
  auto path = "/" + c->sub->name + "/" + about + "/" + http::percent_encoded(*container);
  ask_node(g, std::move(c), pod.spec().node_name(), path);
}

} // namespace troupe::gateway
