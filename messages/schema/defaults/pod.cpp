// Pods, their templates, containers and volumes.
#include "messages/schema/defaults/rules.hpp"

#include "messages/api/pod.pb.h"

namespace troupe::schema::defaults {

namespace {

using namespace k8s::core::v1;

/// The tag of an image reference: "latest" if neither tag nor digest is given, empty if it cannot
/// be read.
std::string_view image_tag(std::string_view image) {
  if (image.empty()) return {};
  auto digest = image.find('@');
  auto name = image.substr(0, digest);
  auto colon = name.rfind(':');
  auto slash = name.rfind('/');
  if (colon != name.npos && (slash == name.npos || colon > slash)) return name.substr(colon + 1);
  return digest == image.npos ? "latest" : "";
}

std::string pull_policy(std::string_view image) {
  return image_tag(image) == "latest" ? "Always" : "IfNotPresent";
}

void container(Container& c) {
  if (c.image_pull_policy().empty()) c.set_image_pull_policy(pull_policy(c.image()));
}

void ephemeral_container(EphemeralContainerCommon& c) {
  if (c.image_pull_policy().empty()) c.set_image_pull_policy(pull_policy(c.image()));
}

void image_volume(ImageVolumeSource& v) {
  if (v.pull_policy().empty()) v.set_pull_policy(pull_policy(v.reference()));
}

void volume(Volume& v) {
  if (v.volume_source().ByteSizeLong() == 0) v.mutable_volume_source()->mutable_empty_dir();
}

/// On the host's network a port is the host's port.
template<class Containers> void host_ports(Containers& containers) {
  for (auto& c : containers)
    for (auto& port : *c.mutable_ports())
      if (port.host_port() == 0) port.set_host_port(port.container_port());
}

/// The first of the addresses and the one that older clients know are kept in step: what they
/// write goes first.
void pod_status(PodStatus& status) {
  if (!status.pod_ip().empty() &&
      (status.pod_ips().empty() || status.pod_ips(0).ip() != status.pod_ip())) {
    status.clear_pod_ips();
    status.add_pod_ips()->set_ip(status.pod_ip());
  }
  if (!status.pod_ips().empty()) status.set_pod_ip(status.pod_ips(0).ip());
}

void pod_spec(PodSpec& spec) {
  // Two names for one thing: the older one is kept in step.
  if (spec.service_account_name().empty() && !spec.service_account().empty())
    spec.set_service_account_name(spec.service_account());
  if (!spec.service_account_name().empty()) spec.set_service_account(spec.service_account_name());
}

/// Where a limit stands without a request, the request is the limit.
void requests_from_limits(ResourceRequirements& r) { fill_in(*r.mutable_requests(), r.limits()); }

bool pod_level(std::string_view resource) {
  return resource == "cpu" || resource == "memory" || resource.starts_with("hugepages-");
}

/// What all containers ask for: the sum of those that run together, or the largest that runs alone
/// first.
std::map<std::string, quantity> container_requests(const PodSpec& spec) {
  std::map<std::string, quantity> sum, sidecars, peak;
  auto amount = [](auto& value) {
    auto read = quantity::parse(value.string());
    return read ? *read : quantity();
  };
  for (auto& c : spec.containers())
    for (auto& [name, value] : c.resources().requests()) sum[name] += amount(value);
  for (auto& c : spec.init_containers()) {
    bool sidecar = c.restart_policy() == "Always";
    for (auto& [name, value] : c.resources().requests()) {
      if (sidecar) sum[name] += amount(value), sidecars[name] += amount(value);
      peak[name] = std::max(peak[name], sidecars[name] + (sidecar ? quantity() : amount(value)));
    }
  }
  for (auto& [name, value] : peak) sum[name] = std::max(sum[name], value);
  return sum;
}

void pod_level_requests(PodSpec& spec) {
  if (!spec.has_resources() || spec.resources().limits().empty()) return;
  auto& requests = *spec.mutable_resources()->mutable_requests();
  for (auto& [name, amount] : container_requests(spec)) {
    if (!pod_level(name) || requests.contains(name)) continue;
    requests[name].set_string(amount.text());
  }
  for (auto& [name, limit] : spec.resources().limits())
    if (pod_level(name)) requests.insert({name, limit});
}

void pod(Pod& p) {
  auto& spec = *p.mutable_spec();
  for (auto* containers : {spec.mutable_containers(), spec.mutable_init_containers()})
    for (auto& c : *containers)
      if (!c.resources().limits().empty()) requests_from_limits(*c.mutable_resources());
  pod_level_requests(spec);
  if (!spec.has_enable_service_links()) spec.set_enable_service_links(true);
  if (!spec.host_network()) return;
  host_ports(*spec.mutable_containers());
  host_ports(*spec.mutable_init_containers());
}

} // namespace

std::vector<rule> pod_rules() {
  return {
      rule_for<pod>(),          rule_for<pod_status>(),          rule_for<pod_spec>(),
      rule_for<container>(),    rule_for<ephemeral_container>(), rule_for<volume>(),
      rule_for<image_volume>(),
  };
}

} // namespace troupe::schema::defaults
