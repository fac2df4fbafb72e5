#include "actors/gateway/subresources.hpp"

#include "actors/gateway/service_account.hpp"

namespace troupe::gateway {

bool handle_subresource(gateway& g, const call_ptr& c) {
  auto& name = c->sub->name;
  if (name == "scale") return scale(g, c), true;
  if (name == "binding") return bind(g, c), true;
  if (name == "eviction") return evict(g, c), true;
  if (name == "log") return pod_log(g, c), true;
  if (c->kind->name == "Pod" && (name == "exec" || name == "attach" || name == "portforward"))
    return pod_stream(g, c), true;
  if (name == "proxy" && c->kind->name == "Node") return node_proxy(g, c), true;
  if (name == "proxy") return connect_proxy(g, c), true;
  if (name == "token" && c->kind->name == "ServiceAccount") return create_token(g, c), true;
  if (c->sub->verbs == std::vector<std::string>{"connect"})
    return c->fail({errc::unavailable,
                    "no node is connected that could serve " + c->kind->plural + "/" + name}),
           true;
  return false;
}

} // namespace troupe::gateway
