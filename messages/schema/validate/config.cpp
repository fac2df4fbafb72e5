// What applications are configured with, and the small kinds around them: config maps, secrets,
// accounts, namespaces, priorities, runtimes, leases, disruption budgets.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/json.hpp"
#include "messages/schema/token_secret.hpp"

#include "messages/api/config.pb.h"
#include "messages/api/lease.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/policy.pb.h"
#include "messages/api/priority_class.pb.h"
#include "messages/api/runtime_class.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;
using k8s::coordination::v1::Lease;
using k8s::node::v1::RuntimeClass;
using k8s::policy::v1::PodDisruptionBudget;
using k8s::scheduling::v1::PriorityClass;

constexpr size_t data_bytes_max = 1024 * 1024;
constexpr int32_t user_priority_max = 1'000'000'000;

template<class Map> size_t data_keys(report& out, const path& at, const Map& map) {
  size_t bytes = 0;
  for (auto& [key, value] : map) {
    out.invalid(at.key(key), key, names::config_key(key));
    bytes += value.size();
  }
  return bytes;
}

void config_map(report& out, const ConfigMap& c) {
  path top;
  auto data = top / "data", binary = top / "binaryData";
  auto bytes = data_keys(out, data, c.data());
  for (auto& [key, value] : c.binary_data())
    if (c.data().contains(key))
      out.invalid(data.key(key), key, "duplicate of key present in binaryData");
  bytes += data_keys(out, binary, c.binary_data());
  if (bytes > data_bytes_max) out.too_long(top.key(""), data_bytes_max); // the whole object
}

template<class Map> bool equal_maps(const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](auto& entry) {
    auto found = b.find(entry.first);
    return found != b.end() && found->second == entry.second;
  });
}

constexpr const char* sealed = "field is immutable when `immutable` is set";

void config_map_update(report& out, const ConfigMap& c, const ConfigMap& old) {
  path at;
  if (!old.immutable()) return;
  if (!c.immutable()) out.forbidden(at / "immutable", sealed);
  if (!equal_maps(c.data(), old.data())) out.forbidden(at / "data", sealed);
  if (!equal_maps(c.binary_data(), old.binary_data())) out.forbidden(at / "binaryData", sealed);
}

/// `keys` must be there.
void needs(report& out, const path& data, const Secret& s, allowed keys) {
  for (auto key : keys)
    if (!s.data().contains(std::string(key))) out.required(data.key(key));
}

void docker_config(report& out, const path& data, const Secret& s, std::string_view key) {
  auto found = s.data().find(std::string(key));
  if (found == s.data().end()) return out.required(data.key(key));
  auto config = json::parse(found->second);
  if (!config || !(config->is_object() || config->is_null()))
    out.invalid(data.key(key), "<secret contents redacted>", "invalid JSON");
}

void secret(report& out, const Secret& s) {
  path top;
  auto data = top / "data";
  if (data_keys(out, data, s.data()) > data_bytes_max) out.too_long(data, data_bytes_max);
  auto& type = s.type();
  if (type == token_secret_type) {
    auto account = account_name_annotation;
    auto annotations = top / "metadata.annotations";
    auto found = s.metadata().annotations().find(account);
    if (found == s.metadata().annotations().end() || found->second.empty())
      out.required(annotations.key(account));
  } else if (type == "kubernetes.io/dockercfg") {
    docker_config(out, data, s, ".dockercfg");
  } else if (type == "kubernetes.io/dockerconfigjson") {
    docker_config(out, data, s, ".dockerconfigjson");
  } else if (type == "kubernetes.io/basic-auth") {
    if (!s.data().contains("username") && !s.data().contains("password"))
      needs(out, data, s, {"username", "password"});
  } else if (type == "kubernetes.io/ssh-auth") {
    auto key = s.data().find("ssh-privatekey");
    if (key == s.data().end() || key->second.empty()) out.required(data.key("ssh-privatekey"));
  } else if (type == "kubernetes.io/tls") {
    needs(out, data, s, {"tls.crt", "tls.key"});
  }
}

void secret_update(report& out, const Secret& s, const Secret& old) {
  path at;
  out.immutable(at / "type", s.type(), s.type() == old.type() || s.type().empty());
  if (!old.immutable()) return;
  if (!s.immutable()) out.forbidden(at / "immutable", sealed);
  if (!equal_maps(s.data(), old.data())) out.forbidden(at / "data", sealed);
}

void name_space(report& out, const Namespace& n) {
  path top;
  auto at = top / "spec.finalizers";
  for (int i = 0; i < n.spec().finalizers_size(); ++i) {
    auto& f = n.spec().finalizers(i);
    out.invalid(at, f, names::qualified(f));
    if (f.find('/') == f.npos && f != "kubernetes" && f != "orphan" && f != "foregroundDeletion")
      out.invalid(at, f, "name is neither a standard finalizer name nor is it fully qualified");
  }
}

void name_space_status(report& out, const Namespace& n, const Namespace&) {
  path at;
  bool leaving = n.metadata().has_deletion_timestamp();
  if (leaving != (n.status().phase() == "Terminating"))
    out.invalid(at / "status.Phase", n.status().phase(),
                leaving ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
                        : "may only be 'Active' if `deletionTimestamp` is empty");
}

void preemption(report& out, const PriorityClass& p) {
  path at;
  if (!p.preemption_policy().empty())
    out.one_of(at / "preemptionPolicy", p.preemption_policy(), {"Never", "PreemptLowerPriority"});
}

void priority_create(report& out, const PriorityClass& p) {
  path at;
  struct built_in {
    std::string_view name;
    int32_t value;
  };
  constexpr built_in system[] = {{"system-node-critical", 2000001000},
                                 {"system-cluster-critical", 2000000000}};
  for (auto& s : system)
    if (p.metadata().name() == s.name && p.value() == s.value && !p.global_default())
      return preemption(out, p);
  if (p.metadata().name().starts_with("system-"))
    out.forbidden(at / "metadata.name",
                  "priority class names with 'system-' prefix are reserved for system use only");
  else if (p.value() > user_priority_max)
    out.forbidden(at / "value", "maximum allowed value of a user defined priority is 1000000000");
  preemption(out, p);
}

void priority_update(report& out, const PriorityClass& p, const PriorityClass& old) {
  path at;
  out.immutable(at / "preemptionPolicy", p.preemption_policy(),
                p.preemption_policy() == old.preemption_policy());
  if (p.value() != old.value()) out.forbidden(at / "value", "may not be changed in an update.");
}

void runtime_class(report& out, const RuntimeClass& r) {
  path top;
  out.invalid(top / "handler", r.handler(), names::dns_label(r.handler()));
  overhead(out, top / "overhead", r.overhead().pod_fixed());
  auto scheduling = top / "scheduling";
  labels(out, scheduling / "nodeSelector", r.scheduling().node_selector());
  tolerations(out, scheduling / "tolerations", r.scheduling().tolerations());
}

void runtime_class_update(report& out, const RuntimeClass& r, const RuntimeClass& old) {
  path at;
  out.immutable(at / "handler", r.handler(), r.handler() == old.handler());
}

void lease(report& out, const Lease& l) {
  path top;
  auto at = top / "spec";
  auto& s = l.spec();
  if (s.has_lease_duration_seconds())
    out.positive(at / "leaseDurationSeconds", s.lease_duration_seconds());
  out.not_negative(at / "leaseTransitions", s.lease_transitions());
  if (s.has_strategy()) {
    auto here = at / "strategy.strategy"; // sic
    if (s.strategy().find('/') != std::string::npos)
      out.invalid(here, s.strategy(), names::qualified(s.strategy()));
    else if (s.strategy() != "OldestEmulationVersion")
      out.not_supported(here, s.strategy(), {"OldestEmulationVersion"});
  }
  if (!s.preferred_holder().empty() && s.strategy().empty())
    out.forbidden(at / "preferredHolder", "may only be specified if `strategy` is defined");
}

void budget(report& out, const PodDisruptionBudget& b) {
  path top;
  auto at = top / "spec";
  auto& s = b.spec();
  if (s.has_min_available() && s.has_max_unavailable())
    out.invalid(at, "", "minAvailable and maxUnavailable cannot be both set");
  if (s.has_min_available()) percent_or_count(out, at / "minAvailable", s.min_available());
  if (s.has_max_unavailable()) percent_or_count(out, at / "maxUnavailable", s.max_unavailable());
  label_selector(out, at / "selector", s.selector());
  if (!s.unhealthy_pod_eviction_policy().empty())
    out.one_of(at / "unhealthyPodEvictionPolicy", s.unhealthy_pod_eviction_policy(),
               {"AlwaysAllow", "IfHealthyBudget"});
}

void budget_status(report& out, const PodDisruptionBudget& b, const PodDisruptionBudget&) {
  path top;
  auto at = top / "status";
  auto& s = b.status();
  out.not_negative(at / "disruptionsAllowed", s.disruptions_allowed());
  out.not_negative(at / "currentHealthy", s.current_healthy());
  out.not_negative(at / "desiredHealthy", s.desired_healthy());
  out.not_negative(at / "expectedPods", s.expected_pods());
}

} // namespace

std::vector<row> config_kinds() {
  return {
      kind_row<ConfigMap>().any_time<config_map>().on_update<config_map_update>(),
      kind_row<Secret>().any_time<secret>().on_update<secret_update>(),
      kind_row<ServiceAccount>(),
      kind_row<Namespace>(names::dns_label).any_time<name_space>().on_status<name_space_status>(),
      kind_row<PriorityClass>().on_create<priority_create>().on_update<priority_update>(),
      kind_row<RuntimeClass>().any_time<runtime_class>().on_update<runtime_class_update>(),
      kind_row<Lease>().any_time<lease>(),
      kind_row<PodDisruptionBudget>().any_time<budget>().on_status<budget_status>(),
  };
}

} // namespace troupe::schema::validate
