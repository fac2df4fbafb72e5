#include "actors/node/pod_record.hpp"

namespace troupe::node {

bool restartable_init(const Container& c) { return c.restart_policy() == "Always"; }

void take_in_containers(pod_record& record, const Pod& pod) {
  auto take = [&](const std::string& name, role as) {
    if (record.find(name)) return;
    auto& c = record.containers.emplace_back();
    c.name = name;
    c.role = as;
  };
  for (auto& c : pod.spec().init_containers())
    take(c.name(), restartable_init(c) ? role::sidecar : role::init);
  for (auto& c : pod.spec().containers()) take(c.name(), role::main);
  for (auto& c : pod.spec().ephemeral_containers())
    take(c.ephemeral_container_common().name(), role::ephemeral);
}

pod_record begin_record(const Pod& pod, moment now) {
  pod_record out;
  out.started = now;
  take_in_containers(out, pod);
  return out;
}

std::optional<Container> container_of(const Pod& pod, const std::string& name) {
  for (auto* list : {&pod.spec().init_containers(), &pod.spec().containers()})
    for (auto& c : *list)
      if (c.name() == name) return c;
  for (auto& e : pod.spec().ephemeral_containers()) {
    if (e.ephemeral_container_common().name() != name) continue;
    // The same fields under the same numbers: what is an ephemeral container's is a container's.
    Container out;
    out.ParsePartialFromString(e.ephemeral_container_common().SerializePartialAsString());
    return out;
  }
  return std::nullopt;
}

std::string target_of(const Pod& pod, const std::string& ephemeral) {
  for (auto& e : pod.spec().ephemeral_containers())
    if (e.ephemeral_container_common().name() == ephemeral) return e.target_container_name();
  return {};
}

} // namespace troupe::node
