// Pods and their templates: the rules of the whole, on top of those of containers, volumes and
// scheduling.
#include "messages/schema/pod_peak.hpp"
#include "messages/schema/validate/pod.hpp"

#include "messages/api/core.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>
#include <map>

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
  for (int i = 0; i < c.nameservers_size(); ++i) out.ip(servers[i], c.nameservers(i));
  if (c.searches_size() > searches_max)
    out.invalid(searches, c.searches_size(), "must not have more than 32 search paths");
  size_t bytes = 0;
  for (auto& search : c.searches()) bytes += search.size() + 1;
  if (bytes > searches_bytes_max + 1)
    out.invalid(searches, c.searches_size(),
                "must not have more than 2048 characters (including spaces) in the search list");
  for (int i = 0; i < c.searches_size(); ++i) {
    auto search = c.searches(i);
    if (search == ".") continue;
    if (search.ends_with('.')) search.pop_back();
    std::replace(search.begin(), search.end(), '_', 'x'); // resolvers accept it, and so do we
    out.invalid(searches[i], c.searches(i), names::dns_subdomain(search));
  }
  for (int i = 0; i < c.options_size(); ++i)
    if (c.options(i).name().empty()) out.required(options[i], "must not be empty");
}

void host_aliases(report& out, const path& at, const PodSpec& spec) {
  for (int i = 0; i < spec.host_aliases_size(); ++i) {
    auto& a = spec.host_aliases(i);
    auto here = at[i];
    out.ip(here / "ip", a.ip());
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
    auto name = here / "name";
    if (out.not_empty(name, c.name())) {
      if (seen.insert(c.name()).second)
        out.invalid(name, c.name(), names::dns_label(c.name()));
      else
        out.duplicate(name, c.name());
    }
    if (c.has_resource_claim_name() == c.has_resource_claim_template_name())
      out.invalid(
          here, c.name(),
          c.has_resource_claim_name()
              ? "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
              : "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    if (c.has_resource_claim_name())
      out.invalid(here / "resourceClaimName", c.resource_claim_name(),
                  names::dns_subdomain(c.resource_claim_name()));
    if (c.has_resource_claim_template_name())
      out.invalid(here / "resourceClaimTemplateName", c.resource_claim_template_name(),
                  names::dns_subdomain(c.resource_claim_template_name()));
  }
}

/// What can be given to a pod as a whole.
void shared_resource_name(report& out, const path& at, std::string_view name) {
  auto before = out.size();
  resource_name(out, at, name);
  if (out.size() == before && name != "cpu" && name != "memory" && !is_hugepages(name))
    out.not_supported(at, name, {"cpu", "memory"});
}

/// What some containers take together.
struct sum {
  std::map<std::string, quantity> amounts;

  void add(const sum& other) {
    for (auto& [name, amount] : other.amounts) amounts[name] += amount;
  }
  void at_least(const sum& other) {
    for (auto& [name, amount] : other.amounts)
      if (auto& mine = amounts[name]; mine < amount) mine = amount;
  }
};

/// Requests and limits of the pod as a whole: no less than its containers ask.
void pod_resources(report& out, const path& at, const PodSpec& spec) {
  if (!spec.has_resources()) return;
  auto& r = spec.resources();
  auto asked = at / "requests";
  if (r.claims_size() > 0)
    out.forbidden(at / "claims", "claims cannot be set for Resources at pod-level");
  requirements(out, at, r, {}, shared_resource_name);
  auto together = peak_of<sum>(spec, [](const ResourceRequirements& one) {
    sum found;
    for (auto& [name, value] : one.requests()) found.amounts[name] = amount(value);
    return found;
  });
  for (auto& [name, total] : together.amounts) {
    auto given = r.requests().find(name);
    auto enough = given == r.requests().end() ? quantity() : amount(given->second);
    if (total > enough)
      out.invalid(asked.key(name), enough.text(),
                  "must be greater than or equal to aggregate container requests of " +
                      total.text());
  }
  for (int i = 0; i < spec.containers_size(); ++i)
    for (auto& [name, limit] : spec.containers(i).resources().limits()) {
      auto most = r.limits().find(name);
      if (most == r.limits().end() || amount(limit) <= amount(most->second)) continue;
      auto container = at.at("containers", i);
      auto one = container.key(name);
      out.invalid(one / "limits", limit.string(),
                  "must be less than or equal to pod limits of " + most->second.string());
    }
}

void pod(report& out, const Pod& p) {
  path at;
  auto spec = at / "spec";
  pod_annotations(out, at / "metadata.annotations", p.metadata().annotations(), p.spec());
  pod_spec(out, spec, p.spec(), p.metadata().name(), true);
  tidy_images(out, spec, p.spec());
}

void create(report& out, const Pod& p) {
  path at;
  auto spec = at / "spec";
  // Later, they come in through the subresource alone.
  if (p.spec().ephemeral_containers_size() > 0)
    out.forbidden(spec / "ephemeralContainers", "cannot be set on create");
  if (!p.spec().node_name().empty() && p.spec().scheduling_gates_size() > 0)
    out.forbidden(spec / "nodeName", "cannot be set until all schedulingGates have been cleared");
  profile_annotations(out, spec, p.metadata().annotations(), p.spec());
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
  resource_claims(out, at / "resourceClaims", spec);
  containers(out, at, spec, found, is_pod);
  pod_resources(out, at / "resources", spec);
  out.one_of(at / "restartPolicy", spec.restart_policy(), {"Always", "OnFailure", "Never"});
  out.one_of(at / "dnsPolicy", spec.dns_policy(),
             {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"});
  labels(out, at / "nodeSelector", spec.node_selector());
  pod_security(out, at, spec);
  if (spec.has_affinity()) affinity(out, at / "affinity", spec);
  dns_config(out, at / "dnsConfig", spec);
  gates(out, at, spec);
  spread(out, at, spec);
  host_processes(out, at, spec);
  own_users(out, at, spec);
  out.optional_name(at / "serviceAccountName", spec.service_account_name(), names::dns_subdomain);
  out.optional_name(at / "nodeName", spec.node_name(), names::dns_subdomain);
  if (spec.has_active_deadline_seconds())
    out.between(at / "activeDeadlineSeconds", spec.active_deadline_seconds(), 1, seconds_max);
  out.optional_name(at / "hostname", spec.hostname(), names::dns_label);
  out.optional_name(at / "subdomain", spec.subdomain(), names::dns_label);
  out.optional_name(at / "hostnameOverride", spec.hostname_override(), names::dns_subdomain);
  if (spec.hostname_override().size() > 64) out.too_long(at / "hostnameOverride", 64);
  tolerations(out, at / "tolerations", spec.tolerations());
  host_aliases(out, at / "hostAliases", spec);
  out.optional_name(at / "priorityClassName", spec.priority_class_name(), names::dns_subdomain);
  if (spec.has_runtime_class_name())
    out.invalid(at / "runtimeClassName", spec.runtime_class_name(),
                names::dns_subdomain(spec.runtime_class_name()));
  if (spec.has_preemption_policy())
    out.one_of(at / "preemptionPolicy", spec.preemption_policy(),
               {"PreemptLowerPriority", "Never"});
  overhead(out, at / "overhead", spec.overhead());
  operating_system(out, at, spec);
}

void pod_template(report& out, const path& at, const PodTemplateSpec& t) {
  auto spec = at / "spec", notes = at / "annotations";
  // Told without the step of metadata, as Kubernetes tells them.
  labels(out, at / "labels", t.metadata().labels());
  annotations(out, notes, t.metadata().annotations());
  pod_annotations(out, notes, t.metadata().annotations(), t.spec());
  pod_spec(out, spec, t.spec(), {}, false);
  profile_annotations(out, spec, t.metadata().annotations(), t.spec());
  if (t.spec().ephemeral_containers_size() > 0)
    out.forbidden(spec / "ephemeralContainers", "ephemeral containers not allowed in pod template");
}

std::vector<row> pod_kinds() {
  return {
      kind_row<Pod>()
          .any_time<pod>()
          .on_create<create>()
          .on_update<pod_update>()
          .on_status<pod_status>(),
      kind_row<PodTemplate>().any_time<pod_template_kind>(),
      kind_row<Binding>().any_time<binding>(),
  };
}

} // namespace troupe::schema::validate
