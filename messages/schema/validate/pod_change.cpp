// What may become of a pod that exists: the few fields of its spec that change, and its status.
#include "messages/schema/validate/pod.hpp"

#include "messages/base/address.hpp"

#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

constexpr const char* may_change =
    "pod updates may not change fields other than "
    "`spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Whether all is well; else the rest of the pod is not looked at.
bool deadline(report& out, const path& at, const PodSpec& spec, const PodSpec& old) {
  auto here = at / "activeDeadlineSeconds";
  if (spec.has_active_deadline_seconds()) {
    if (!out.between(here, spec.active_deadline_seconds(), 0, 2147483647)) return false;
    if (old.has_active_deadline_seconds() &&
        spec.active_deadline_seconds() > old.active_deadline_seconds()) {
      out.invalid(here, spec.active_deadline_seconds(),
                  "must be less than or equal to previous value");
      return false;
    }
  } else if (old.has_active_deadline_seconds()) {
    out.invalid(here, "null", "must not update from a positive integer to nil value");
  }
  return true;
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
  auto gates = at / "schedulingGates";
  for (int i = 0; i < spec.scheduling_gates_size(); ++i) {
    auto here = gates[i];
    auto& name = spec.scheduling_gates(i).name();
    auto known = [&](auto& g) { return g.name() == name; };
    if (std::none_of(old.scheduling_gates().begin(), old.scheduling_gates().end(), known))
      out.forbidden(here / "name",
                    "only deletion is allowed, but found new scheduling gate '" + name + "'");
  }
}

template<class Containers>
bool same_count(report& out, const path& at, const Containers& list, const Containers& old) {
  if (list.size() == old.size()) return true;
  out.forbidden(at, "pod updates may not add or remove containers");
  return false;
}

template<class List> bool begins_with(const List& list, const List& old) {
  return list.size() >= old.size() && std::equal(old.begin(), old.end(), list.begin(),
                                                 [](auto& a, auto& b) { return same(a, b); });
}

bool only_adds(const NodeSelectorTerm& now, const NodeSelectorTerm& old) {
  // A term without requirements matches nothing, and is to go on matching nothing.
  if (old.match_expressions().empty() && old.match_fields().empty())
    return now.match_expressions().empty() && now.match_fields().empty();
  return begins_with(now.match_expressions(), old.match_expressions()) &&
         begins_with(now.match_fields(), old.match_fields());
}

/// While a pod is held back, its place may be narrowed down.
void narrower(report& out, const path& at, const PodSpec& spec, const PodSpec& old) {
  for (auto& [key, value] : old.node_selector()) {
    auto found = spec.node_selector().find(key);
    if (found != spec.node_selector().end() && found->second == value) continue;
    out.invalid(at / "nodeSelector", "",
                "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
    break;
  }
  auto terms = [](const PodSpec& s) -> auto& {
    return s.affinity()
        .node_affinity()
        .required_during_scheduling_ignored_during_execution()
        .node_selector_terms();
  };
  auto& before = terms(old);
  auto& now = terms(spec);
  auto here = at / "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
                   ".nodeSelectorTerms";
  if (before.empty()) return;
  if (before.size() != now.size())
    return out.invalid(here, "",
                       "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
  for (int i = 0; i < before.size(); ++i)
    if (!only_adds(now[i], before[i]))
      out.invalid(here[i], "", "only additions are allowed (no mutations or deletions)");
}

/// A container that ended for good does not come back. `restarts` says who does.
template<class Restarts>
void state_changes(report& out, const path& at,
                   const google::protobuf::RepeatedPtrField<ContainerStatus>& list,
                   const google::protobuf::RepeatedPtrField<ContainerStatus>& old,
                   std::string_view policy, Restarts restarts) {
  if (policy == "Always") return;
  for (int i = 0; i < old.size(); ++i) {
    auto& before = old[i];
    if (!before.state().has_terminated() || restarts(before.name())) continue;
    if (policy == "OnFailure" && before.state().terminated().exit_code() != 0) continue;
    auto here = at[i];
    for (auto& now : list)
      if (now.name() == before.name() && !now.state().has_terminated())
        out.forbidden(here / "state", "may not be transitioned to non-terminated state");
  }
}

/// At most one address of each family.
template<class List> void addresses(report& out, const path& at, const List& list) {
  std::set<std::string_view> seen;
  int families[2] = {0, 0};
  for (int i = 0; i < list.size(); ++i) out.ip(at[i], list[i].ip());
  for (auto& one : list)
    if (auto ip = address::parse(one.ip())) ++families[ip->v6];
  if (families[0] > 1 || families[1] > 1)
    out.invalid(at, list.size(), "may specify no more than one IP for each IP family");
  for (int i = 0; i < list.size(); ++i)
    if (!seen.insert(list[i].ip()).second) out.duplicate(at[i], list[i].ip());
}

void conditions(report& out, const path& at, const PodStatus& s) {
  for (int i = 0; i < s.conditions_size(); ++i) {
    auto& type = s.conditions(i).type();
    auto here = at[i];
    if (type != "PodScheduled" && type != "Ready" && type != "Initialized")
      out.invalid(here / "Type", type, names::qualified(type));
  }
}

} // namespace

void pod_update(report& out, const Pod& p, const Pod& before) {
  path top;
  auto at = top / "spec";
  auto& spec = p.spec();
  auto& old = before.spec();
  pod_annotations_update(out, top / "metadata.annotations", p.metadata().annotations(),
                         before.metadata().annotations());
  if (same(spec, old)) return;
  if (!same_count(out, at / "containers", spec.containers(), old.containers()) ||
      !same_count(out, at / "initContainers", spec.init_containers(), old.init_containers()) ||
      !deadline(out, at, spec, old))
    return;
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
    narrower(out, at, spec, old);
    *wanted.mutable_node_selector() = spec.node_selector();
    *wanted.mutable_affinity()->mutable_node_affinity() = spec.affinity().node_affinity();
  }
  if (!same(spec, wanted)) out.forbidden(at, may_change);
}

void pod_status(report& out, const Pod& p, const Pod& old) {
  path top;
  auto at = top / "status", metadata = top / "metadata";
  auto& s = p.status();
  pod_annotations_update(out, metadata / "annotations", p.metadata().annotations(),
                         old.metadata().annotations());
  conditions(out, metadata / "conditions", s); // Kubernetes tells them of the metadata
  if (p.spec().node_name() != old.spec().node_name())
    out.forbidden(at / "nodeName", "may not be changed directly");
  if (s.nominated_node_name() != old.status().nominated_node_name())
    out.optional_name(at / "nominatedNodeName", s.nominated_node_name(), names::dns_subdomain);
  out.immutable(at / "qosClass", s.qos_class(),
                s.qos_class() == old.status().qos_class() || old.status().qos_class().empty());
  auto& policy = old.spec().restart_policy();
  auto nobody = [](const std::string&) { return false; };
  // Sidecars restart whatever the pod's policy says.
  auto sidecar = [&](const std::string& name) {
    auto& list = old.spec().init_containers();
    return std::any_of(list.begin(), list.end(),
                       [&](auto& c) { return c.name() == name && c.restart_policy() == "Always"; });
  };
  state_changes(out, at / "containerStatuses", s.container_statuses(),
                old.status().container_statuses(), policy, nobody);
  state_changes(out, at / "initContainerStatuses", s.init_container_statuses(),
                old.status().init_container_statuses(), policy, sidecar);
  state_changes(out, at / "ephemeralContainerStatuses", s.ephemeral_container_statuses(),
                old.status().ephemeral_container_statuses(), "Never", nobody);
  addresses(out, at / "podIPs", s.pod_ips());
  auto hosts = at / "hostIPs";
  if (s.host_ips_size() > 0 && s.host_ip() != s.host_ips(0).ip()) {
    auto first = hosts[0];
    out.invalid(first / "ip", s.host_ips(0).ip(), "must be equal to `hostIP`");
  }
  addresses(out, hosts, s.host_ips());
}

} // namespace troupe::schema::validate
