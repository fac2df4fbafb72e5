// Pods and their templates: the rules of the whole, on top of those of containers, volumes and
// scheduling.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/address.hpp"

#include "messages/api/core.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

constexpr int nameservers_max = 3;
constexpr int searches_max = 32;
constexpr size_t searches_bytes_max = 2048;
constexpr int64_t seconds_max = 2147483647;

void dns_config(report& out, const path& at, const PodSpec& spec) {
  if (spec.dns_policy() == "None") {
    if (!spec.has_dns_config())
      return out.required(at, "must provide `dnsConfig` when `dnsPolicy` is None");
    if (spec.dns_config().nameservers().empty())
      return out.required(at / "nameservers",
                          "must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  auto& c = spec.dns_config();
  auto servers = at / "nameservers", searches = at / "searches", options = at / "options";
  if (c.nameservers_size() > nameservers_max)
    out.invalid(servers, c.nameservers_size(), "must not have more than 3 nameservers");
  for (int i = 0; i < c.nameservers_size(); ++i)
    out.invalid(servers[i], c.nameservers(i), names::ip(c.nameservers(i)));
  if (c.searches_size() > searches_max)
    out.invalid(searches, c.searches_size(), "must not have more than 32 search paths");
  size_t bytes = 0;
  for (int i = 0; i < c.searches_size(); ++i) {
    auto search = c.searches(i);
    bytes += search.size() + 1;
    if (search == ".") continue;
    if (search.ends_with('.')) search.pop_back();
    std::replace(search.begin(), search.end(), '_', 'x'); // resolvers accept it, and so do we
    out.invalid(searches[i], c.searches(i), names::dns_subdomain(search));
  }
  if (bytes > searches_bytes_max + 1)
    out.invalid(searches, c.searches_size(),
                "must not have more than 2048 characters (including spaces) in the search list");
  for (int i = 0; i < c.options_size(); ++i)
    if (c.options(i).name().empty()) out.required(options[i], "must not be empty");
}

void host_aliases(report& out, const path& at, const PodSpec& spec) {
  for (int i = 0; i < spec.host_aliases_size(); ++i) {
    auto& a = spec.host_aliases(i);
    auto here = at[i];
    out.invalid(here / "ip", a.ip(), names::ip(a.ip()));
    auto hostnames = here / "hostnames";
    for (int n = 0; n < a.hostnames_size(); ++n)
      out.invalid(hostnames[n], a.hostnames(n), names::dns_subdomain(a.hostnames(n)));
  }
}

void gates(report& out, const path& at, const PodSpec& spec) {
  auto readiness = at / "readinessGates", scheduling = at / "schedulingGates";
  for (int i = 0; i < spec.readiness_gates_size(); ++i) {
    auto here = readiness[i];
    auto& type = spec.readiness_gates(i).condition_type();
    out.invalid(here / "conditionType", type, names::qualified(type));
  }
  std::set<std::string_view> seen;
  for (int i = 0; i < spec.scheduling_gates_size(); ++i) {
    auto here = scheduling[i];
    auto& name = spec.scheduling_gates(i).name();
    out.invalid(here, name, names::qualified(name));
    if (!seen.insert(name).second) out.duplicate(here, name);
  }
}

void resource_claims(report& out, const path& at, const PodSpec& spec) {
  std::set<std::string_view> seen;
  for (int i = 0; i < spec.resource_claims_size(); ++i) {
    auto& c = spec.resource_claims(i);
    auto here = at[i];
    if (out.name(here / "name", c.name(), names::dns_label) && !seen.insert(c.name()).second)
      out.duplicate(here / "name", c.name());
    if (c.has_resource_claim_name() == c.has_resource_claim_template_name())
      out.invalid(
          here, c.name(),
          c.has_resource_claim_name()
              ? "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
              : "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    out.optional_name(here / "resourceClaimName", c.resource_claim_name(), names::dns_subdomain);
    out.optional_name(here / "resourceClaimTemplateName", c.resource_claim_template_name(),
                      names::dns_subdomain);
  }
}

/// Requests and limits of the pod as a whole: only what can be shared, and no less than its
/// containers ask.
void pod_resources(report& out, const path& at, const PodSpec& spec) {
  if (!spec.has_resources()) return;
  auto& r = spec.resources();
  requirements(out, at, r, {});
  if (r.claims_size() > 0)
    out.forbidden(at / "claims", "claims may not be set for Resources at pod-level");
  for (auto& [map, name] :
       {std::pair{&r.limits(), "limits"}, std::pair{&r.requests(), "requests"}}) {
    auto here = at / name;
    for (auto& [resource, value] : *map)
      if (resource != "cpu" && resource != "memory" && !is_hugepages(resource))
        out.not_supported(here.key(resource), resource, {"cpu", "hugepages-", "memory"});
  }
  for (auto& [resource, limit] : r.limits())
    for (int i = 0; i < spec.containers_size(); ++i) {
      auto& own = spec.containers(i).resources().limits();
      auto found = own.find(resource);
      if (found != own.end() && amount(found->second) > amount(limit))
        out.invalid(at / "limits", found->second.string(),
                    "must be greater than or equal to the limit of its containers");
    }
}

void images_and_account(report& out, const path& at, const PodSpec& spec) {
  for (int i = 0; i < spec.image_pull_secrets_size(); ++i) {
    auto here = at.at("imagePullSecrets", i);
    out.not_empty(here / "name", spec.image_pull_secrets(i).name());
  }
  out.optional_name(at / "serviceAccountName", spec.service_account_name(), names::dns_subdomain);
}

/// A pod of another system than Linux has no use for much of the security context.
void operating_system(report& out, const path& at, const PodSpec& spec) {
  if (!spec.has_os()) return;
  if (!out.one_of(at / "os.name", spec.os().name(), {"linux", "windows"})) return;
  if (spec.os().name() == "windows") {
    if (spec.host_pid()) out.forbidden(at / "hostPID", "cannot be set for a windows pod");
    if (spec.host_ipc()) out.forbidden(at / "hostIPC", "cannot be set for a windows pod");
    if (spec.has_share_process_namespace())
      out.forbidden(at / "shareProcessNamespace", "cannot be set for a windows pod");
    if (spec.security_context().has_run_as_user())
      out.forbidden(at / "securityContext.runAsUser", "cannot be set for a windows pod");
    if (spec.security_context().has_seccomp_profile())
      out.forbidden(at / "securityContext.seccompProfile", "cannot be set for a windows pod");
  } else if (spec.security_context().has_windows_options()) {
    out.forbidden(at / "securityContext.windowsOptions",
                  "windows options cannot be set for a linux pod");
  }
}

void pod(report& out, const Pod& p) {
  path at;
  auto spec = at / "spec";
  pod_spec(out, spec, p.spec(), p.metadata().name(), true);
}

void create(report& out, const Pod& p) {
  path at;
  auto spec = at / "spec";
  // Later, they come in through the subresource alone.
  if (p.spec().ephemeral_containers_size() > 0)
    out.forbidden(spec / "ephemeralContainers", "cannot be set on create");
}

constexpr const char* may_change =
    "pod updates may not change fields other than "
    "`spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

void deadline(report& out, const path& at, const PodSpec& spec, const PodSpec& old) {
  auto here = at / "activeDeadlineSeconds";
  if (spec.has_active_deadline_seconds()) {
    if (old.has_active_deadline_seconds() &&
        spec.active_deadline_seconds() > old.active_deadline_seconds())
      out.invalid(here, spec.active_deadline_seconds(),
                  "must be less than or equal to previous value");
  } else if (old.has_active_deadline_seconds()) {
    out.invalid(here, "null", "must not update from a positive integer to nil value");
  }
}

/// Tolerations may be added; of those that are there, only the seconds may change.
void added_tolerations(report& out, const path& at, const PodSpec& spec, const PodSpec& old) {
  auto kept = [&](const Toleration& before) {
    return std::any_of(spec.tolerations().begin(), spec.tolerations().end(), [&](auto& t) {
      return t.key() == before.key() && t.operator_() == before.operator_() &&
             t.value() == before.value() && t.effect() == before.effect();
    });
  };
  if (!std::all_of(old.tolerations().begin(), old.tolerations().end(), kept))
    out.forbidden(at / "tolerations",
                  "existing toleration can not be modified except its tolerationSeconds");
}

void removed_gates(report& out, const path& at, const PodSpec& spec, const PodSpec& old) {
  auto here = at / "schedulingGates";
  for (int i = 0; i < spec.scheduling_gates_size(); ++i) {
    auto& name = spec.scheduling_gates(i).name();
    auto known = [&](auto& g) { return g.name() == name; };
    if (std::none_of(old.scheduling_gates().begin(), old.scheduling_gates().end(), known))
      out.forbidden(here[i],
                    "only deletion is allowed, but found new scheduling gate '" + name + "'");
  }
}

template<class Containers>
bool same_count(report& out, const path& at, const Containers& list, const Containers& old) {
  if (list.size() == old.size()) return true;
  out.forbidden(at, "pod updates may not add or remove containers");
  return false;
}

void update(report& out, const Pod& p, const Pod& before) {
  path top;
  auto at = top / "spec";
  auto& spec = p.spec();
  auto& old = before.spec();
  if (same(spec, old)) return;
  if (!same_count(out, at / "containers", spec.containers(), old.containers()) ||
      !same_count(out, at / "initContainers", spec.init_containers(), old.init_containers()))
    return;
  deadline(out, at, spec, old);
  added_tolerations(out, at, spec, old);
  removed_gates(out, at, spec, old);
  // The old pod with everything that may change: what still differs may not.
  PodSpec wanted = old;
  for (int i = 0; i < spec.containers_size(); ++i)
    wanted.mutable_containers(i)->set_image(spec.containers(i).image());
  for (int i = 0; i < spec.init_containers_size(); ++i)
    wanted.mutable_init_containers(i)->set_image(spec.init_containers(i).image());
  if (spec.has_active_deadline_seconds())
    wanted.set_active_deadline_seconds(spec.active_deadline_seconds());
  else
    wanted.clear_active_deadline_seconds();
  *wanted.mutable_tolerations() = spec.tolerations();
  *wanted.mutable_scheduling_gates() = spec.scheduling_gates();
  if (old.termination_grace_period_seconds() < 0 && spec.termination_grace_period_seconds() == 1)
    wanted.set_termination_grace_period_seconds(1);
  if (old.scheduling_gates_size() > 0) {
    // While a pod is held back, its place may be narrowed down.
    bool narrower =
        std::all_of(old.node_selector().begin(), old.node_selector().end(), [&](auto& entry) {
          auto found = spec.node_selector().find(entry.first);
          return found != spec.node_selector().end() && found->second == entry.second;
        });
    if (!narrower) out.invalid(at / "nodeSelector", "", "may only be added to");
    *wanted.mutable_node_selector() = spec.node_selector();
    *wanted.mutable_affinity()->mutable_node_affinity() = spec.affinity().node_affinity();
  }
  if (!same(spec, wanted)) out.forbidden(at, may_change);
}

/// A container that ended for good does not come back.
void state_changes(report& out, const path& at,
                   const google::protobuf::RepeatedPtrField<ContainerStatus>& list,
                   const google::protobuf::RepeatedPtrField<ContainerStatus>& old,
                   std::string_view policy) {
  if (policy == "Always") return;
  for (auto& before : old) {
    if (!before.state().has_terminated()) continue;
    if (policy == "OnFailure" && before.state().terminated().exit_code() != 0) continue;
    for (auto& now : list)
      if (now.name() == before.name() && !now.state().has_terminated())
        out.forbidden(at / "state", "may not be transitioned to non-terminated state");
  }
}

void status(report& out, const Pod& p, const Pod& old) {
  path top;
  auto at = top / "status";
  auto& s = p.status();
  if (p.spec().node_name() != old.spec().node_name())
    out.forbidden(at / "nodeName", "may not be changed directly");
  out.optional_name(at / "nominatedNodeName", s.nominated_node_name(), names::dns_subdomain);
  state_changes(out, at / "containerStatuses", s.container_statuses(),
                old.status().container_statuses(), p.spec().restart_policy());
  // Sidecars restart whatever the pod's policy says.
  bool sidecars = std::any_of(p.spec().init_containers().begin(), p.spec().init_containers().end(),
                              [](auto& c) { return c.restart_policy() == "Always"; });
  if (!sidecars)
    state_changes(out, at / "initContainerStatuses", s.init_container_statuses(),
                  old.status().init_container_statuses(),
                  p.spec().restart_policy() == "Never" ? "Never" : "OnFailure");
  auto ips = at / "podIPs";
  for (int i = 0; i < s.pod_ips_size(); ++i)
    out.invalid(ips[i], s.pod_ips(i).ip(), names::ip(s.pod_ips(i).ip()));
  if (s.pod_ips_size() > 2)
    out.invalid(ips, s.pod_ips_size(), "may specify no more than one IP for each IP family");
  auto conditions = at / "conditions";
  for (int i = 0; i < s.conditions_size(); ++i) {
    auto here = conditions[i];
    out.invalid(here / "type", s.conditions(i).type(), names::qualified(s.conditions(i).type()));
  }
}

void pod_template_kind(report& out, const PodTemplate& t) {
  path at;
  pod_template(out, at / "template", t.template_());
}

void binding(report& out, const Binding& b) {
  path at;
  auto target = at / "target";
  if (!b.target().kind().empty() && b.target().kind() != "Node")
    out.not_supported(target / "kind", b.target().kind(), {"Node", "<empty>"});
  if (b.target().name().empty()) out.required(target / "name");
}

} // namespace

void pod_spec(report& out, const path& at, const PodSpec& spec, std::string_view pod_name,
              bool is_pod) {
  auto found = volumes(out, at / "volumes", spec.volumes(), pod_name);
  containers(out, at, spec, found, is_pod);
  out.one_of(at / "restartPolicy", spec.restart_policy(), {"Always", "OnFailure", "Never"});
  out.one_of(at / "dnsPolicy", spec.dns_policy(),
             {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"});
  affinity(out, at, spec);
  pod_security(out, at, spec);
  images_and_account(out, at, spec);
  out.optional_name(at / "nodeName", spec.node_name(), names::dns_subdomain);
  if (!spec.node_name().empty() && spec.scheduling_gates_size() > 0)
    out.forbidden(at / "nodeName", "cannot be set until all schedulingGates have been cleared");
  if (spec.has_active_deadline_seconds())
    out.between(at / "activeDeadlineSeconds", spec.active_deadline_seconds(), 1, seconds_max);
  out.optional_name(at / "hostname", spec.hostname(), names::dns_label);
  out.optional_name(at / "subdomain", spec.subdomain(), names::dns_label);
  out.optional_name(at / "hostnameOverride", spec.hostname_override(), names::dns_subdomain);
  if (spec.hostname_override().size() > 64) out.too_long(at / "hostnameOverride", 64);
  host_aliases(out, at / "hostAliases", spec);
  out.optional_name(at / "priorityClassName", spec.priority_class_name(), names::dns_subdomain);
  dns_config(out, at / "dnsConfig", spec);
  gates(out, at, spec);
  out.optional_name(at / "runtimeClassName", spec.runtime_class_name(), names::dns_subdomain);
  if (!spec.preemption_policy().empty())
    out.one_of(at / "preemptionPolicy", spec.preemption_policy(),
               {"Never", "PreemptLowerPriority"});
  auto overhead = at / "overhead";
  for (auto& [name, value] : spec.overhead()) {
    auto here = overhead.key(name);
    container_resource_name(out, here, name);
    resource_amount(out, here, name, value);
  }
  resource_claims(out, at / "resourceClaims", spec);
  pod_resources(out, at / "resources", spec);
  operating_system(out, at, spec);
}

void pod_template(report& out, const path& at, const PodTemplateSpec& t) {
  auto spec = at / "spec";
  // Told without the step of metadata, as Kubernetes tells them.
  labels(out, at / "labels", t.metadata().labels());
  annotations(out, at / "annotations", t.metadata().annotations());
  pod_spec(out, spec, t.spec(), {}, false);
  if (t.spec().ephemeral_containers_size() > 0)
    out.forbidden(spec / "ephemeralContainers", "ephemeral containers not allowed in pod template");
}

std::vector<row> pod_kinds() {
  return {
      kind_row<Pod>().any_time<pod>().on_create<create>().on_update<update>().on_status<status>(),
      kind_row<PodTemplate>().any_time<pod_template_kind>(),
      kind_row<Binding>().any_time<binding>(),
  };
}

} // namespace troupe::schema::validate
