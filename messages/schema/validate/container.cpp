// Containers: names, images, ports, mounts, and the rules that differ between the three kinds of
// them.
#include "messages/schema/validate/container.hpp"

#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

enum class role : uint8_t { main, init, ephemeral };

void ports(report& out, const path& at, const Container& c) {
  std::set<std::string_view> names_seen;
  for (int i = 0; i < c.ports_size(); ++i) {
    auto& p = c.ports(i);
    auto here = at.at("ports", i);
    if (!p.name().empty()) {
      auto faults = names::port_name(p.name());
      out.invalid(here / "name", p.name(), faults);
      if (faults.empty() && !names_seen.insert(p.name()).second)
        out.duplicate(here / "name", p.name());
    }
    if (p.container_port() == 0)
      out.required(here / "containerPort");
    else
      out.invalid(here / "containerPort", p.container_port(), names::port(p.container_port()));
    if (p.host_port() != 0)
      out.invalid(here / "hostPort", p.host_port(), names::port(p.host_port()));
    out.one_of(here / "protocol", p.protocol(), {"SCTP", "TCP", "UDP"});
    if (!p.host_ip().empty()) out.ip(here / "hostIP", p.host_ip());
  }
}

/// A path that names a place in the container: subPath and subPathExpr are below the volume. What
/// is wrong with these and with propagation, Kubernetes tells of the list, not of the mount.
void mounts(report& out, const path& at, const Container& c, const volume_map& volumes) {
  std::set<std::string_view> places, devices, device_names;
  auto list = at / "volumeMounts";
  for (auto& d : c.volume_devices()) devices.insert(d.device_path()), device_names.insert(d.name());
  for (int i = 0; i < c.volume_mounts_size(); ++i) {
    auto& m = c.volume_mounts(i);
    auto here = at.at("volumeMounts", i);
    out.not_empty(here / "name", m.name());
    auto volume = volumes.find(m.name());
    if (volume == volumes.end()) out.not_found(here / "name", m.name());
    out.not_empty(here / "mountPath", m.mount_path());
    if (!places.insert(m.mount_path()).second)
      out.invalid(here / "mountPath", m.mount_path(), "must be unique");
    if (device_names.contains(m.name()))
      out.invalid(here / "name", m.name(), "must not already exist in volumeDevices");
    if (devices.contains(m.mount_path()))
      out.invalid(here / "mountPath", m.mount_path(),
                  "must not already exist as a path in volumeDevices");
    if (volume != volumes.end() && volume->second->volume_source().has_image()) {
      if (!m.sub_path().empty())
        out.invalid(here / "subPath", m.sub_path(), "not allowed in image volume sources");
      if (!m.sub_path_expr().empty())
        out.invalid(here / "subPathExpr", m.sub_path_expr(), "not allowed in image volume sources");
    }
    if (!m.sub_path().empty())
      out.invalid(list / "subPath", m.sub_path(), names::relative_path(m.sub_path()));
    if (!m.sub_path_expr().empty()) {
      if (!m.sub_path().empty())
        out.invalid(here / "subPathExpr", m.sub_path_expr(),
                    "subPathExpr and subPath are mutually exclusive");
      out.invalid(list / "subPathExpr", m.sub_path_expr(), names::relative_path(m.sub_path_expr()));
    }
    if (m.has_mount_propagation()) {
      auto propagation = list / "mountPropagation";
      out.one_of(propagation, m.mount_propagation(), {"Bidirectional", "HostToContainer", "None"});
      if (m.mount_propagation() == "Bidirectional" && !c.security_context().privileged())
        out.forbidden(propagation,
                      "Bidirectional mount propagation is available only to privileged containers");
    }
    if (m.has_recursive_read_only()) {
      auto recursive = list / "recursiveReadOnly";
      if (out.one_of(recursive, m.recursive_read_only(), {"Disabled", "Enabled", "IfPossible"}) &&
          m.recursive_read_only() != "Disabled") {
        if (!m.read_only()) out.forbidden(recursive, "may only be specified when readOnly is true");
        if (!m.mount_propagation().empty() && m.mount_propagation() != "None")
          out.forbidden(recursive,
                        "may only be specified when mountPropagation is None or not specified");
      }
    }
  }
}

void devices(report& out, const path& at, const Container& c, const volume_map& volumes) {
  std::set<std::string_view> names_seen, places, mounted, mounted_names;
  for (auto& m : c.volume_mounts()) mounted.insert(m.mount_path()), mounted_names.insert(m.name());
  for (int i = 0; i < c.volume_devices_size(); ++i) {
    auto& d = c.volume_devices(i);
    auto here = at.at("volumeDevices", i);
    auto name = here / "name", place = here / "devicePath";
    out.not_empty(name, d.name());
    if (!d.name().empty() && !names_seen.insert(d.name()).second)
      out.invalid(name, d.name(), "must be unique");
    auto volume = volumes.find(d.name());
    if (volume == volumes.end())
      out.not_found(name, d.name());
    else if (!volume->second->volume_source().has_persistent_volume_claim() &&
             !volume->second->volume_source().has_ephemeral())
      out.invalid(
          name, d.name(),
          "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
    out.not_empty(place, d.device_path());
    if (places.contains(d.device_path())) out.invalid(place, d.device_path(), "must be unique");
    if (!names::no_back_steps(d.device_path()).empty())
      out.invalid(place, d.device_path(), "can not contain backsteps ('..')");
    else
      places.insert(d.device_path());
    if (mounted_names.contains(d.name()))
      out.invalid(name, d.name(), "must not already exist in volumeMounts");
    if (mounted.contains(d.device_path()))
      out.invalid(place, d.device_path(), "must not already exist as a path in volumeMounts");
  }
}

void resize_policies(report& out, const path& at, const Container& c, const PodSpec& spec) {
  std::set<std::string_view> seen;
  auto here = at / "resizePolicy";
  for (int i = 0; i < c.resize_policy_size(); ++i) {
    auto& p = c.resize_policy(i);
    if (!seen.insert(p.resource_name()).second) out.duplicate(here[i], p.resource_name());
    out.one_of(here, p.resource_name(), {"cpu", "memory"});
    out.one_of(here, p.restart_policy(), {"NotRequired", "RestartContainer"});
    if (spec.restart_policy() == "Never" && p.restart_policy() != "NotRequired")
      out.invalid(here, p.restart_policy(),
                  "must be 'NotRequired' when `restartPolicy` is 'Never'");
  }
}

void restart_rules(report& out, const path& at, const Container& c) {
  constexpr int rules_max = 20;
  auto here = at / "restartPolicyRules";
  if (c.restart_policy_rules_size() > rules_max)
    out.too_many(here, static_cast<size_t>(c.restart_policy_rules_size()), rules_max);
  if (c.restart_policy_rules_size() > 0 && c.restart_policy().empty())
    out.required(at / "restartPolicy", "must specify restartPolicy when restart rules are used");
  for (int i = 0; i < c.restart_policy_rules_size(); ++i) {
    auto& r = c.restart_policy_rules(i);
    auto rule = here[i];
    out.one_of(rule / "action", r.action(), {"Restart", "RestartAllContainers"});
    if (!r.has_exit_codes()) {
      out.required(rule / "exitCodes", "must be specified");
      continue;
    }
    out.one_of(rule / "exitCodes.operator", r.exit_codes().operator_(), {"In", "NotIn"});
    if (r.exit_codes().values_size() > 255)
      out.too_many(rule / "exitCodes.values", static_cast<size_t>(r.exit_codes().values_size()),
                   255);
  }
}

std::set<std::string_view> claims_of(const PodSpec& spec) {
  std::set<std::string_view> out;
  for (auto& c : spec.resource_claims()) out.insert(c.name());
  return out;
}

void termination_message(report& out, const path& at, const Container& c) {
  // The path is in the container, where the runtime resolves it; ".." and NUL have no business
  // there.
  auto& file = c.termination_message_path();
  if (file.find('\0') != std::string::npos)
    out.invalid(at / "terminationMessagePath", file, "must not contain NUL characters");
  if (!c.termination_message_policy().empty())
    out.one_of(at / "terminationMessagePolicy", c.termination_message_policy(),
               {"FallbackToLogsOnError", "File"});
  else
    out.required(at / "terminationMessagePolicy");
}

void one_container(report& out, const path& at, const Container& c, const PodSpec& spec,
                   const volume_map& volumes, role what) {
  out.name(at / "name", c.name(), names::dns_label);
  out.not_empty(at / "image", c.image());
  termination_message(out, at, c);
  ports(out, at, c);
  environment(out, at, c, volumes);
  mounts(out, at, c, volumes);
  devices(out, at, c, volumes);
  out.one_of(at / "imagePullPolicy", c.image_pull_policy(), {"Always", "IfNotPresent", "Never"});
  requirements(out, at / "resources", c.resources(), claims_of(spec));
  resize_policies(out, at, c, spec);
  restart_rules(out, at, c);
  if (c.has_security_context()) container_security(out, at / "securityContext", c, spec);
  if (what != role::ephemeral && !c.restart_policy().empty())
    out.one_of(at / "restartPolicy", c.restart_policy(), {"Always", "Never", "OnFailure"});
}

/// Templates may have such images, pods may not.
void tidy_image(report& out, const path& at, const Container& c) {
  constexpr const char* space = " \t\r\n\v\f";
  auto& image = c.image();
  if (!image.empty() && (std::string_view(space).find(image.front()) != std::string_view::npos ||
                         std::string_view(space).find(image.back()) != std::string_view::npos))
    out.invalid(at / "image", image, "must not have leading or trailing whitespace");
}

/// What containers that run once before the others may not have.
void init_only(report& out, const path& at, const Container& c, const PodSpec& spec) {
  bool sidecar = c.restart_policy() == "Always";
  if (c.has_lifecycle()) {
    if (sidecar)
      lifecycle(out, at / "lifecycle", c.lifecycle(), spec.termination_grace_period_seconds());
    else
      out.forbidden(at / "lifecycle",
                    "may not be set for init containers without restartPolicy=Always");
  }
  probes(out, at, c, sidecar);
}

/// What a debugging container, added to a running pod, may not have.
void ephemeral_only(report& out, const path& at, const Container& c) {
  constexpr const char* why = "cannot be set for an Ephemeral Container";
  auto unset = [&](const char* field, bool set) {
    if (set) out.forbidden(at / field, why);
  };
  auto& r = c.resources();
  unset("ports", c.ports_size() > 0);
  unset("resources", !r.limits().empty() || !r.requests().empty() || r.claims_size() > 0);
  unset("resizePolicy", c.resize_policy_size() > 0);
  unset("restartPolicy", c.has_restart_policy());
  unset("restartPolicyRules", c.restart_policy_rules_size() > 0);
  unset("livenessProbe", c.has_liveness_probe());
  unset("readinessProbe", c.has_readiness_probe());
  unset("startupProbe", c.has_startup_probe());
  unset("lifecycle", c.has_lifecycle());
  for (int i = 0; i < c.volume_mounts_size(); ++i) {
    auto mount = at.at("volumeMounts", i);
    if (!c.volume_mounts(i).sub_path().empty()) out.forbidden(mount / "subPath", why);
    if (!c.volume_mounts(i).sub_path_expr().empty()) out.forbidden(mount / "subPathExpr", why);
  }
}

void ephemeral_containers(report& out, const path& at, const PodSpec& spec,
                          const volume_map& volumes, std::set<std::string_view> taken) {
  for (int i = 0; i < spec.ephemeral_containers_size(); ++i) {
    auto& e = spec.ephemeral_containers(i);
    auto here = at.at("ephemeralContainers", i);
    // The twin message has the same fields under the same numbers.
    Container c;
    c.ParseFromString(e.ephemeral_container_common().SerializeAsString());
    one_container(out, here, c, spec, volumes, role::ephemeral);
    tidy_image(out, here, c);
    auto& name = e.ephemeral_container_common().name();
    if (!name.empty() && !taken.insert(name).second) out.duplicate(here / "name", name);
    auto& target = e.target_container_name();
    auto is_target = [&](auto& other) { return other.name() == target; };
    if (!target.empty() &&
        std::none_of(spec.containers().begin(), spec.containers().end(), is_target) &&
        std::none_of(spec.init_containers().begin(), spec.init_containers().end(), is_target))
      out.not_found(here / "targetContainerName", target);
    ephemeral_only(out, here, c);
  }
}

/// No two containers of a pod want the same port of the host.
class host_ports {
public:
  void check(report& out, const path& at, const Container& c) {
    for (int i = 0; i < c.ports_size(); ++i) {
      auto& p = c.ports(i);
      if (p.host_port() == 0) continue;
      auto key = p.protocol() + "/" + p.host_ip() + "/" + std::to_string(p.host_port());
      auto here = at.at("ports", i);
      if (!taken_.insert(key).second) out.duplicate(here / "hostPort", key);
    }
  }

private:
  std::set<std::string> taken_;
};

/// The ports of a pod on the host's network are the host's. Templates may leave them to be filled
/// in.
void on_host_network(report& out, const path& at, const PodSpec& spec, bool is_pod) {
  for (int i = 0; i < spec.containers_size(); ++i) {
    auto container = at.at("containers", i);
    for (int n = 0; n < spec.containers(i).ports_size(); ++n) {
      auto& p = spec.containers(i).ports(n);
      if (p.host_port() == p.container_port() || (!is_pod && p.host_port() == 0)) continue;
      auto here = container.at("ports", n);
      out.invalid(here / "containerPort", p.container_port(),
                  "must match `hostPort` when `hostNetwork` is true");
    }
  }
}

} // namespace

void containers(report& out, const path& at, const PodSpec& spec, const volume_map& volumes,
                bool is_pod) {
  if (spec.containers().empty()) out.required(at / "containers");
  std::set<std::string_view> taken;
  for (int i = 0; i < spec.containers_size(); ++i) {
    auto& c = spec.containers(i);
    auto here = at.at("containers", i);
    one_container(out, here, c, spec, volumes, role::main);
    if (!taken.insert(c.name()).second) out.duplicate(here / "name", c.name());
    if (c.has_lifecycle())
      lifecycle(out, here / "lifecycle", c.lifecycle(), spec.termination_grace_period_seconds());
    probes(out, here, c, true);
  }
  host_ports ports_taken;
  for (int i = 0; i < spec.containers_size(); ++i)
    ports_taken.check(out, at.at("containers", i), spec.containers(i));
  for (int i = 0; i < spec.init_containers_size(); ++i) {
    auto& c = spec.init_containers(i);
    auto here = at.at("initContainers", i);
    one_container(out, here, c, spec, volumes, role::init);
    if (!taken.insert(c.name()).second) out.duplicate(here / "name", c.name());
    host_ports alone; // runs before the others; Kubernetes always tells it of the first
    alone.check(out, at.at("initContainers", 0), c);
    init_only(out, here, c, spec);
  }
  ephemeral_containers(out, at, spec, volumes, taken);
  if (spec.host_network()) on_host_network(out, at, spec, is_pod);
}

void tidy_images(report& out, const path& at, const PodSpec& spec) {
  for (int i = 0; i < spec.containers_size(); ++i)
    tidy_image(out, at.at("containers", i), spec.containers(i));
  for (int i = 0; i < spec.init_containers_size(); ++i)
    tidy_image(out, at.at("initContainers", i), spec.init_containers(i));
}

} // namespace troupe::schema::validate
