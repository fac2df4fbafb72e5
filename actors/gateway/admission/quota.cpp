// Resource quotas: what an object uses is charged to every quota that covers it, in the same
// transaction, so that two writes at once can never use the same room.
#include "actors/gateway/admission/parts.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/quota_usage.hpp"
#include "messages/api/pod.pb.h"

#include <set>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::ResourceQuota;

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

/// Which containers say nothing about which of the resources that the quota counts, or nothing.
std::string unsaid(const Pod& pod, const usage& hard) {
  std::string out;
  for (auto& [name, limit] : hard) {
    bool request = name.starts_with("requests."), cap = name.starts_with("limits.");
    auto plain = request ? name.substr(9) : cap ? name.substr(7) : name;
    if (plain != "cpu" && plain != "memory") continue;
    std::set<std::string> silent;
    auto look = [&](auto& containers) {
      for (auto& c : containers)
        if (!(cap ? c.resources().limits() : c.resources().requests()).contains(plain))
          silent.insert(c.name());
    };
    look(pod.spec().containers());
    look(pod.spec().init_containers());
    if (silent.empty()) continue;
    out.append(out.empty() ? "" : "; ").append(name).append(" for: ");
    for (auto& c : silent) out.append(c == *silent.begin() ? "" : ",").append(c);
  }
  return out;
}

/// The resources of the quota that such an object uses, if nobody has counted one of them yet.
std::string unmeasured(const usage& hard, const usage& used, const usage& uses, bool pod) {
  std::string all;
  bool missing = false;
  for (auto& [name, limit] : hard) {
    bool of_pods = name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
                   name.starts_with("limits.") || name.starts_with("hugepages-") ||
                   (name.starts_with("requests.") && name != "requests.storage");
    if (!uses.contains(name) && !(pod && of_pods)) continue;
    missing = missing || !used.contains(name);
    all.append(all.empty() ? "" : ",").append(name);
  }
  return missing ? all : std::string();
}

} // namespace

result<void> review_quota(const admission_request& r) {
  if (!r.c.kind->namespaced || r.c.kind->name == "ResourceQuota" || r.c.kind->name == "Event")
    return {};
  if (r.c.sub && r.c.sub->name != "resize" && r.c.sub->name != "status") return {};
  auto quotas = r.c.kinds->by_resource("", "v1", "resourcequotas");
  if (r.now.count(prefix_of(*quotas, r.c.where.ns)) == 0) return {};
  auto uses = usage_of(*r.c.kind, r.object, r.c.now);
  auto used_before = r.old ? usage_of(*r.c.kind, *r.old, r.c.now) : usage{};
  auto pod = as<Pod>(r);
  auto& name = meta(r.object).name();
  result<void> verdict;
  each_object<ResourceQuota>(
      r, "", "v1", "resourcequotas", r.c.where.ns,
      [&](const ResourceQuota& kept, const storage::entry& entry) {
        // What comes into its scope is new to it as a whole, and what leaves it uses nothing.
        static const usage nothing;
        bool is_here = covers(kept, r.object), was_here = r.old && covers(kept, *r.old);
        if (!verdict || (!is_here && !was_here)) return;
        auto& before_here = was_here ? used_before : nothing;
        auto& uses_here = is_here ? uses : nothing;
        auto q = kept;
        // What the same transaction has charged already counts.
        if (auto charged = r.c.pending ? r.c.pending(entry.key()) : nullptr)
          if (q.Clear(); !read_entry(*charged, q)) return;
        usage hard, used, wanted;
        for (auto& [n, x] : q.status().hard()) hard[n] = amount_of(x);
        for (auto& [n, x] : q.status().used()) used[n] = amount_of(x);
        if (pod && r.creating())
          if (auto gaps = unsaid(*pod, hard); !gaps.empty()) {
            verdict = forbidden(*r.c.kind, name,
                                "failed quota: " + q.metadata().name() + ": must specify " + gaps);
            return;
          }
        if (r.creating())
          if (auto unknown = unmeasured(hard, used, uses, pod != nullptr); !unknown.empty()) {
            verdict = forbidden(*r.c.kind, name,
                                "status unknown for quota: " + q.metadata().name() +
                                    ", resources: " + unknown);
            return;
          }
        auto charge = [&](const std::string& n) {
          auto now = uses_here.find(n);
          auto before = before_here.find(n);
          auto delta = (now == uses_here.end() ? quantity{} : now->second) -
                       (before == before_here.end() ? quantity{} : before->second);
          if (!delta.zero()) wanted[n] = delta;
          return delta;
        };
        std::vector<std::string> exceeded;
        for (auto& [n, limit] : hard) {
          auto delta = charge(n);
          if (!delta.zero() && !delta.negative() && used[n] + delta > limit) exceeded.push_back(n);
        }
        // What nobody has counted yet has no limit, but a count that is under way must not miss it.
        for (auto& [n, x] : q.spec().hard())
          if (!hard.contains(n)) charge(n);
        if (!exceeded.empty()) {
          verdict = forbidden(
              *r.c.kind, name,
              "exceeded quota: " + q.metadata().name() + ", requested: " + list(wanted, exceeded) +
                  ", used: " + list(used, exceeded) + ", limited: " + list(hard, exceeded));
          return;
        }
        if (wanted.empty()) return;
        for (auto& [n, delta] : wanted) {
          auto sum = used[n] + delta; // what was never counted cannot be given back
          (*q.mutable_status()->mutable_used())[n].set_string(
              (sum.negative() ? quantity{} : sum).text());
        }
        auto key = std::string(entry.key());
        r.tx.require_revision(key, entry.mod_revision());
        r.tx.put(key, stored_form(*quotas, q), index_of(*quotas, q));
      });
  return verdict;
}

} // namespace troupe::gateway
