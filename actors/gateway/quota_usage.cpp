#include "actors/gateway/quota_usage.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/service.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::ResourceQuota;

bool over(const Pod& pod) {
  return pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed";
}

usage of_pod(const Pod& pod) {
  usage out;
  if (over(pod)) return out;
  auto& spec = pod.spec();
  usage requests, limits;
  auto add = [](usage& to, auto& from) {
    for (auto& [name, q] : from) to[name] += amount_of(q);
  };
  auto larger = [](usage& to, auto& from) {
    for (auto& [name, q] : from) to[name] = std::max(to[name], amount_of(q));
  };
  for (auto& c : spec.containers()) {
    add(requests, c.resources().requests());
    add(limits, c.resources().limits());
  }
  for (auto& c : spec.init_containers()) {
    larger(requests, c.resources().requests());
    larger(limits, c.resources().limits());
  }
  add(requests, spec.overhead());
  for (auto& [name, q] : requests) {
    out["requests." + name] = q;
    if (name == "cpu" || name == "memory" || name == "ephemeral-storage") out[name] = q;
  }
  for (auto& [name, q] : limits) out["limits." + name] = q;
  out["pods"] = quantity::of(1);
  return out;
}

usage of_service(const k8s::core::v1::Service& s) {
  usage out{{"services", quantity::of(1)}};
  auto& type = s.spec().type();
  if (type == "LoadBalancer") out["services.loadbalancers"] = quantity::of(1);
  if (type == "NodePort" ||
      (type == "LoadBalancer" && s.spec().allocate_load_balancer_node_ports()))
    out["services.nodeports"] = quantity::of(s.spec().ports_size());
  return out;
}

usage of_claim(const k8s::core::v1::PersistentVolumeClaim& c) {
  auto hit = c.spec().resources().requests().find("storage");
  auto wanted = hit == c.spec().resources().requests().end() ? quantity{} : amount_of(hit->second);
  usage out{{"persistentvolumeclaims", quantity::of(1)}, {"requests.storage", wanted}};
  if (!c.spec().storage_class_name().empty()) {
    auto prefix = c.spec().storage_class_name() + ".storageclass.storage.k8s.io/";
    out[prefix + "requests.storage"] = wanted;
    out[prefix + "persistentvolumeclaims"] = quantity::of(1);
  }
  return out;
}

bool best_effort(const Pod& pod) {
  auto none = [](auto& containers) {
    return std::all_of(containers.begin(), containers.end(), [](auto& c) {
      return c.resources().requests().empty() && c.resources().limits().empty();
    });
  };
  return none(pod.spec().containers()) && none(pod.spec().init_containers());
}

/// Whether a scope of a quota covers the object.
bool in_scope(const std::string& scope, const std::string& op,
              const google::protobuf::RepeatedPtrField<std::string>& values, const Pod* pod) {
  if (!pod) return false;
  if (scope == "BestEffort") return best_effort(*pod);
  if (scope == "NotBestEffort") return !best_effort(*pod);
  if (scope == "Terminating") return pod->spec().has_active_deadline_seconds();
  if (scope == "NotTerminating") return !pod->spec().has_active_deadline_seconds();
  if (scope == "PriorityClass") {
    auto& name = pod->spec().priority_class_name();
    bool listed = std::find(values.begin(), values.end(), name) != values.end();
    if (op == "In") return listed;
    if (op == "NotIn") return !listed;
    return op == "DoesNotExist" ? name.empty() : !name.empty();
  }
  return true;
}

} // namespace

quantity amount_of(const k8s::base::Quantity& q) {
  auto parsed = quantity::parse(q.string());
  return parsed ? *parsed : quantity{};
}

usage usage_of(const schema::kind& kind, const google::protobuf::Message& object) {
  usage out;
  if (kind.group.empty()) {
    if (kind.name == "Pod")
      out = of_pod(static_cast<const Pod&>(object));
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

bool covers(const ResourceQuota& q, const Pod* pod) {
  static const google::protobuf::RepeatedPtrField<std::string> none;
  for (auto& s : q.spec().scopes())
    if (!in_scope(s, "Exists", none, pod)) return false;
  for (auto& s : q.spec().scope_selector().match_expressions())
    if (!in_scope(s.scope_name(), s.operator_(), s.values(), pod)) return false;
  return true;
}

} // namespace troupe::gateway
