// Resource quotas: what an object uses is charged to every quota that covers it, in the same
// transaction, so that two writes at once can never use the same room.
#include "actors/gateway/admission/parts.hpp"

#include "actors/gateway/fields.hpp"
#include "messages/api/claim.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/api/service.pb.h"
#include "messages/base/quantity.hpp"

#include <algorithm>
#include <map>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::ResourceQuota;
using usage = std::map<std::string, quantity>;

quantity amount(const k8s::base::Quantity& q) {
  auto parsed = quantity::parse(q.string());
  return parsed ? *parsed : quantity{};
}

bool over(const Pod& pod) {
  return pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed";
}

usage of_pod(const Pod& pod) {
  usage out;
  if (over(pod)) return out;
  auto& spec = pod.spec();
  usage requests, limits;
  auto add = [](usage& to, auto& from) {
    for (auto& [name, q] : from) to[name] += amount(q);
  };
  auto larger = [](usage& to, auto& from) {
    for (auto& [name, q] : from) to[name] = std::max(to[name], amount(q));
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
  auto wanted = hit == c.spec().resources().requests().end() ? quantity{} : amount(hit->second);
  usage out{{"persistentvolumeclaims", quantity::of(1)}, {"requests.storage", wanted}};
  if (!c.spec().storage_class_name().empty()) {
    auto prefix = c.spec().storage_class_name() + ".storageclass.storage.k8s.io/";
    out[prefix + "requests.storage"] = wanted;
    out[prefix + "persistentvolumeclaims"] = quantity::of(1);
  }
  return out;
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

bool covers(const ResourceQuota& q, const Pod* pod) {
  static const google::protobuf::RepeatedPtrField<std::string> none;
  for (auto& s : q.spec().scopes())
    if (!in_scope(s, "Exists", none, pod)) return false;
  for (auto& s : q.spec().scope_selector().match_expressions())
    if (!in_scope(s.scope_name(), s.operator_(), s.values(), pod)) return false;
  return true;
}

std::string list(const usage& of, const std::vector<std::string>& names) {
  std::string out;
  for (auto& n : names) {
    auto hit = of.find(n);
    out.append(out.empty() ? "" : ",")
        .append(n)
        .append("=")
        .append(hit == of.end() ? "0" : hit->second.text());
  }
  return out;
}

/// Containers that say nothing about a resource that the quota counts.
std::vector<std::string> unsaid(const Pod& pod, const usage& hard) {
  std::vector<std::string> out;
  for (auto& [name, limit] : hard) {
    bool request = name.starts_with("requests."), cap = name.starts_with("limits.");
    auto plain = request ? name.substr(9) : cap ? name.substr(7) : name;
    if (plain != "cpu" && plain != "memory") continue;
    for (auto& c : pod.spec().containers()) {
      auto& from = cap ? c.resources().limits() : c.resources().requests();
      if (from.contains(plain)) continue;
      out.push_back(name);
      break;
    }
  }
  return out;
}

} // namespace

result<void> admit_quota(const admission_request& r) {
  if (!r.c.kind->namespaced || r.c.kind->name == "ResourceQuota" || r.c.kind->name == "Event")
    return {};
  if (r.c.sub && r.c.sub->name != "resize" && r.c.sub->name != "status") return {};
  auto quotas = r.c.kinds->by_resource("", "v1", "resourcequotas");
  if (r.now.count(prefix_of(*quotas, r.c.where.ns)) == 0) return {};
  auto uses = usage_of(*r.c.kind, r.object);
  auto used_before = r.old ? usage_of(*r.c.kind, *r.old) : usage{};
  auto pod = as<Pod>(r);
  auto& name = meta(r.object).name();
  result<void> verdict;
  each_object<ResourceQuota>(
      r, "", "v1", "resourcequotas", r.c.where.ns,
      [&](ResourceQuota& q, const storage::entry& entry) {
        if (!verdict || !covers(q, pod)) return;
        // What the same transaction has charged already counts.
        if (auto charged = r.c.pending ? r.c.pending(entry.key()) : nullptr)
          if (q.Clear(); !read_entry(*charged, q)) return;
        usage hard, used, wanted;
        for (auto& [n, x] : q.status().hard()) hard[n] = amount(x);
        for (auto& [n, x] : q.status().used()) used[n] = amount(x);
        if (pod && r.creating())
          if (auto gaps = unsaid(*pod, hard); !gaps.empty()) {
            std::string all;
            for (auto& g : gaps) all.append(all.empty() ? "" : ",").append(g);
            verdict = forbidden(*r.c.kind, name,
                                "failed quota: " + q.metadata().name() + ": must specify " + all +
                                    " for: " + pod->spec().containers(0).name());
            return;
          }
        std::vector<std::string> exceeded;
        for (auto& [n, limit] : hard) {
          auto now = uses.find(n);
          auto before = used_before.find(n);
          auto delta = (now == uses.end() ? quantity{} : now->second) -
                       (before == used_before.end() ? quantity{} : before->second);
          if (delta.zero()) continue;
          wanted[n] = delta;
          if (!delta.negative() && used[n] + delta > limit) exceeded.push_back(n);
        }
        if (!exceeded.empty()) {
          verdict = forbidden(
              *r.c.kind, name,
              "exceeded quota: " + q.metadata().name() + ", requested: " + list(wanted, exceeded) +
                  ", used: " + list(used, exceeded) + ", limited: " + list(hard, exceeded));
          return;
        }
        if (wanted.empty()) return;
        for (auto& [n, delta] : wanted)
          (*q.mutable_status()->mutable_used())[n].set_string((used[n] + delta).text());
        auto key = std::string(entry.key());
        r.tx.require_revision(key, entry.mod_revision());
        r.tx.put(key, stored_form(*quotas, q), index_of(*quotas, q));
      });
  return verdict;
}

} // namespace troupe::gateway
