#include "actors/node/events.hpp"

namespace troupe::node {

namespace {

constexpr size_t message_bytes_max = 1024;

std::string field_path(const k8s::core::v1::Pod& pod, const std::string& container) {
  for (auto& c : pod.spec().init_containers())
    if (c.name() == container) return "spec.initContainers{" + container + "}";
  for (auto& c : pod.spec().ephemeral_containers())
    if (c.ephemeral_container_common().name() == container)
      return "spec.ephemeralContainers{" + container + "}";
  return "spec.containers{" + container + "}";
}

} // namespace

k8s::core::v1::Event pod_event(const k8s::core::v1::Pod& about, const std::string& container,
                               bool warning, const std::string& reason, std::string message,
                               const std::string& node, timestamp now) {
  k8s::core::v1::Event out;
  auto& m = about.metadata();
  out.mutable_metadata()->set_namespace_(m.namespace_());
  out.mutable_metadata()->set_generate_name(m.name() + ".");
  auto& object = *out.mutable_involved_object();
  object.set_api_version("v1");
  object.set_kind("Pod");
  object.set_namespace_(m.namespace_());
  object.set_name(m.name());
  object.set_uid(m.uid());
  object.set_resource_version(m.resource_version());
  if (!container.empty()) object.set_field_path(field_path(about, container));
  if (message.size() > message_bytes_max) message.resize(message_bytes_max);
  out.set_type(warning ? "Warning" : "Normal");
  out.set_reason(reason);
  out.set_message(message);
  out.mutable_source()->set_component("kubelet"); // the name by which tools know it
  out.mutable_source()->set_host(node);
  out.set_reporting_component("kubelet");
  out.set_reporting_instance(node);
  out.set_count(1);
  out.mutable_first_timestamp()->set_seconds(now.seconds);
  out.mutable_last_timestamp()->set_seconds(now.seconds);
  return out;
}

} // namespace troupe::node
