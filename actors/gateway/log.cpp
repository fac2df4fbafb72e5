// Logs of a pod: which container is meant, and whether there is anything to read yet. The lines
// come from the pod's node.
#include "actors/gateway/subresources.hpp"

#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;

result<std::string> choose_container(const Pod& pod, std::string wanted) {
  std::vector<std::string> names;
  for (auto& c : pod.spec().containers()) names.push_back(c.name());
  auto first = names.empty() ? std::string{} : names[0];
  auto several = names.size() > 1;
  for (auto& c : pod.spec().init_containers()) names.push_back(c.name());
  for (auto& c : pod.spec().ephemeral_containers())
    names.push_back(c.ephemeral_container_common().name());
  if (wanted.empty()) {
    auto chosen = pod.metadata().annotations().find("kubectl.kubernetes.io/default-container");
    if (chosen != pod.metadata().annotations().end()) wanted = chosen->second;
  }
  std::string all;
  for (auto& n : names) all.append(all.empty() ? "" : " ").append(n);
  if (wanted.empty() && several)
    return error{errc::bad_request, "a container name must be specified for pod " +
                                        pod.metadata().name() + ", choose one of: [" + all + "]"};
  if (wanted.empty()) return first;
  if (std::find(names.begin(), names.end(), wanted) == names.end())
    return error{errc::bad_request,
                 "container " + wanted + " is not valid for pod " + pod.metadata().name()};
  return wanted;
}

} // namespace

void pod_log(gateway& g, call_ptr c) {
  auto entry = g.given.store->current().get(key_of(*c->kind, c->where.ns, c->where.name));
  if (!entry) return c->fail(not_found(*c->kind, c->where.name));
  auto object = load(*c->kind, *entry);
  auto& pod = static_cast<const Pod&>(*object);
  auto container = choose_container(pod, std::string(c->query.get("container")));
  if (!container) return c->fail(container.error());
  if (pod.spec().node_name().empty()) return c->answer({204, {}, {}}); // nothing has run yet
  c->fail({errc::unavailable, "the node \"" + pod.spec().node_name() + "\" of pod " +
                                  pod.metadata().name() + " is not connected"});
}

} // namespace troupe::gateway
