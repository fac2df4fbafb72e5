#include "actors/gateway/quota_usage.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/service.pb.h"
#include "messages/schema/pod_peak.hpp"
#include "messages/schema/pod_phase.hpp"
#include "messages/schema/qos.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::ResourceQuota;

bool over(const Pod& pod, timestamp now) {
  if (schema::is_over(pod.status().phase())) return true;
  auto until = counts_until(pod);
  return until && now > timestamp{*until, 0};
}

/// Amounts by resource.
struct sum {
  void add(const sum& other) {
    for (auto& [name, q] : other.all) all[name] += q;
  }
  void at_least(const sum& other) {
    for (auto& [name, q] : other.all) all[name] = std::max(all[name], q);
  }
  usage all;
};

template<class Amounts> sum read(const Amounts& from) {
  sum out;
  for (auto& [name, q] : from) out.all.emplace(name, amount_of(q));
  return out;
}

/// The most that a pod ever takes, or what is said for the pod as a whole. `of` gives the amounts
/// that one says.
template<class Amounts> usage most_of(const k8s::core::v1::PodSpec& spec, Amounts of) {
  auto most = schema::peak_of<sum>(spec, [&](auto& r) { return read(of(r)); });
  for (auto& [name, q] : of(spec.resources())) most.all[name] = amount_of(q);
  return std::move(most.all);
}

usage of_pod(const Pod& pod, timestamp now) {
  usage out;
  if (over(pod, now)) return out;
  auto& spec = pod.spec();
  auto requests = most_of(
      spec, [](auto& r) -> auto& { return r.requests(); });
  auto limits = most_of(
      spec, [](auto& r) -> auto& { return r.limits(); });
  for (auto& [name, q] : spec.overhead()) {
    requests[name] += amount_of(q);
    // What has no limit gets none by its overhead.
    if (auto limit = limits.find(name); limit != limits.end()) limit->second += amount_of(q);
  }
  for (auto& [name, q] : requests) {
    out["requests." + name] = q;
    if (name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
        name.starts_with("hugepages-"))
      out[name] = q;
  }
  for (auto& [name, q] : limits) out["limits." + name] = q;
  out["pods"] = quantity::of(1);
  return out;
}

usage of_service(const k8s::core::v1::Service& s) {
  usage out{{"services", quantity::of(1)}};
  auto& spec = s.spec();
  auto balanced = spec.type() == "LoadBalancer";
  out["services.loadbalancers"] = quantity::of(balanced ? 1 : 0);
  auto& ports = spec.ports();
  // A balancer that needs no node ports uses those that it asks for.
  bool few = balanced && spec.has_allocate_load_balancer_node_ports() &&
             !spec.allocate_load_balancer_node_ports();
  auto count =
      few ? std::count_if(ports.begin(), ports.end(), [](auto& p) { return p.node_port() != 0; })
          : static_cast<int64_t>(ports.size());
  out["services.nodeports"] = quantity::of(balanced || spec.type() == "NodePort" ? count : 0);
  return out;
}

usage of_claim(const k8s::core::v1::PersistentVolumeClaim& c) {
  auto hit = c.spec().resources().requests().find("storage");
  auto wanted = hit == c.spec().resources().requests().end() ? quantity{} : amount_of(hit->second);
  // Counted in whole bytes; a claim that shrinks while it grows takes the larger amount.
  auto& allocated = c.status().allocated_resources();
  if (auto more = allocated.find("storage"); more != allocated.end())
    wanted = std::max(wanted, amount_of(more->second));
  if (!wanted.whole()) wanted = quantity::of(wanted.value());
  usage out{{"persistentvolumeclaims", quantity::of(1)}, {"requests.storage", wanted}};
  if (!c.spec().storage_class_name().empty()) {
    auto prefix = c.spec().storage_class_name() + ".storageclass.storage.k8s.io/";
    out[prefix + "requests.storage"] = wanted;
    out[prefix + "persistentvolumeclaims"] = quantity::of(1);
  }
  return out;
}

bool best_effort(const Pod& pod) { return schema::qos_class(pod.spec()) == "BestEffort"; }

/// Whether it wants to be near pods of other namespaces, or far from them.
bool looks_across_namespaces(const Pod& pod) {
  auto across = [](auto& term) {
    return term.namespaces_size() > 0 || term.has_namespace_selector();
  };
  auto any = [&](auto& rules) {
    auto& must = rules.required_during_scheduling_ignored_during_execution();
    auto& may = rules.preferred_during_scheduling_ignored_during_execution();
    return std::any_of(must.begin(), must.end(), across) ||
           std::any_of(may.begin(), may.end(),
                       [&](auto& w) { return across(w.pod_affinity_term()); });
  };
  auto& affinity = pod.spec().affinity();
  return any(affinity.pod_affinity()) || any(affinity.pod_anti_affinity());
}

using texts = google::protobuf::RepeatedPtrField<std::string>;

/// Whether a scope asks for one of these names; there may be none.
bool asked_for(const std::string& op, const texts& values, const std::vector<std::string>& names) {
  auto listed = [&](auto& name) {
    return std::find(values.begin(), values.end(), name) != values.end();
  };
  if (op == "In") return std::any_of(names.begin(), names.end(), listed);
  if (op == "NotIn") return names.empty() || !std::all_of(names.begin(), names.end(), listed);
  return op == "DoesNotExist" ? names.empty() : !names.empty();
}

/// Those that the claim has, gets, and is to have.
std::vector<std::string> attribute_classes_of(const k8s::core::v1::PersistentVolumeClaim& c) {
  std::vector<std::string> out;
  for (auto name : {&c.spec().volume_attributes_class_name(),
                    &c.status().current_volume_attributes_class_name(),
                    &c.status().modify_volume_status().target_volume_attributes_class_name()})
    if (!name->empty()) out.push_back(*name);
  return out;
}

/// Whether a scope of a quota covers the object.
bool in_scope(const std::string& scope, const std::string& op, const texts& values,
              const google::protobuf::Message& object) {
  if (scope == "VolumeAttributesClass") {
    auto claim = dynamic_cast<const k8s::core::v1::PersistentVolumeClaim*>(&object);
    return claim && asked_for(op, values, attribute_classes_of(*claim));
  }
  auto pod = dynamic_cast<const Pod*>(&object);
  if (!pod) return false;
  if (scope == "BestEffort") return best_effort(*pod);
  if (scope == "NotBestEffort") return !best_effort(*pod);
  if (scope == "Terminating") return pod->spec().has_active_deadline_seconds();
  if (scope == "NotTerminating") return !pod->spec().has_active_deadline_seconds();
  if (scope == "CrossNamespacePodAffinity") return looks_across_namespaces(*pod);
  if (scope == "PriorityClass") {
    auto& name = pod->spec().priority_class_name();
    return asked_for(op, values, name.empty() ? std::vector<std::string>{} : std::vector{name});
  }
  return true;
}

} // namespace

quantity amount_of(const k8s::base::Quantity& q) {
  auto parsed = quantity::parse(q.string());
  return parsed ? *parsed : quantity{};
}

std::optional<int64_t> counts_until(const Pod& pod) {
  auto& m = pod.metadata();
  if (!m.has_deletion_timestamp() || !m.has_deletion_grace_period_seconds()) return {};
  int64_t until = 0;
  if (__builtin_add_overflow(m.deletion_timestamp().seconds(), m.deletion_grace_period_seconds(),
                             &until))
    return {};
  return until;
}

usage usage_of(const schema::kind& kind, const google::protobuf::Message& object, timestamp now) {
  usage out;
  if (kind.group.empty()) {
    if (kind.name == "Pod")
      out = of_pod(static_cast<const Pod&>(object), now);
    else if (kind.name == "Service")
      out = of_service(static_cast<const k8s::core::v1::Service&>(object));
    else if (kind.name == "PersistentVolumeClaim")
      out = of_claim(static_cast<const k8s::core::v1::PersistentVolumeClaim&>(object));
    else
      out[kind.plural] = quantity::of(1);
  }
  out["count/" + kind.group_resource()] = quantity::of(1);
  return out;
}

bool covers(const ResourceQuota& q, const google::protobuf::Message& object) {
  static const texts none;
  for (auto& s : q.spec().scopes())
    if (!in_scope(s, "Exists", none, object)) return false;
  for (auto& s : q.spec().scope_selector().match_expressions())
    if (!in_scope(s.scope_name(), s.operator_(), s.values(), object)) return false;
  return true;
}

} // namespace troupe::gateway
