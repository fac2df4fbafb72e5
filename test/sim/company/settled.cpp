#include "test/sim/company/rules.hpp"

#include "actors/gateway/object.hpp"
#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/service.pb.h"
#include "messages/base/selector.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

[[noreturn]] void fail(const std::string& what) { throw broken_rule{"in the end " + what}; }

void same(const std::string& what, int64_t is, int64_t wanted) {
  if (is != wanted) fail(what + " is " + std::to_string(is) + " and not " + std::to_string(wanted));
}

template<class Object, class Visit>
void each(const storage::snapshot& now, const std::string& resource, Visit visit) {
  for (auto& entry : now.list(resource + "/")) {
    Object object;
    gateway::read_entry(entry, object);
    const std::string key(entry.key());
    visit(key, std::as_const(object));
  }
}

/// All of an owner's pods are of its present version and ready, as many as it wants.
void pods_are(const scene& there, const std::string& key, const std::string& uid,
              const std::string& image, int64_t wanted) {
  int64_t ready = 0;
  for (auto p : there.pods_of(uid)) {
    if (p->over) continue;
    if (!p->ready || p->going) fail(p->key + " of " + key + " is not ready");
    if (p->image != image) fail(p->key + " of " + key + " has " + p->image + ", not " + image);
    ++ready;
  }
  same("the number of pods of " + key, ready, wanted);
}

void deployments(const scene& there, const storage::snapshot& now) {
  each<k8s::apps::v1::Deployment>(now, "deployments.apps", [&](auto& key, auto& d) {
    auto wanted = d.spec().replicas();
    same("the generation that was seen of " + key, d.status().observed_generation(),
         d.metadata().generation());
    same("status.replicas of " + key, d.status().replicas(), wanted);
    same("status.updatedReplicas of " + key, d.status().updated_replicas(), wanted);
    same("status.availableReplicas of " + key, d.status().available_replicas(), wanted);
    int64_t old = 0;
    auto& image = d.spec().template_().spec().containers(0).image();
    for (auto& [set_key, s] : there.sets) {
      if (s.controller.uid != d.metadata().uid()) continue;
      pods_are(there, set_key, s.uid, image, s.replicas.latest());
      old += s.image != image;
    }
    if (old > d.spec().revision_history_limit())
      fail(key + " keeps " + std::to_string(old) + " old sets");
  });
}

void sets(const scene& there, const storage::snapshot& now) {
  each<k8s::apps::v1::ReplicaSet>(now, "replicasets.apps", [&](auto& key, auto& s) {
    same("status.readyReplicas of " + key, s.status().ready_replicas(), s.spec().replicas());
    pods_are(there, key, s.metadata().uid(), s.spec().template_().spec().containers(0).image(),
             s.spec().replicas());
  });
  each<k8s::apps::v1::StatefulSet>(now, "statefulsets.apps", [&](auto& key, auto& s) {
    same("status.readyReplicas of " + key, s.status().ready_replicas(), s.spec().replicas());
    same("status.updatedReplicas of " + key, s.status().updated_replicas(), s.spec().replicas());
    if (s.status().current_revision() != s.status().update_revision())
      fail(key + " is not of one revision");
    pods_are(there, key, s.metadata().uid(), s.spec().template_().spec().containers(0).image(),
             s.spec().replicas());
  });
  each<k8s::apps::v1::DaemonSet>(now, "daemonsets.apps", [&](auto& key, auto& d) {
    auto wanted = static_cast<int64_t>(there.nodes.size());
    same("status.numberReady of " + key, d.status().number_ready(), wanted);
    same("status.updatedNumberScheduled of " + key, d.status().updated_number_scheduled(), wanted);
    pods_are(there, key, d.metadata().uid(), d.spec().template_().spec().containers(0).image(),
             wanted);
  });
}

void pods(const scene& there) {
  for (auto& [key, p] : there.pods) {
    if (p.going) fail(key + " is still going");
    if (p.node.empty()) fail(key + " has no node");
    if (!there.nodes.contains("nodes//" + p.node)) fail(key + " is on a node that is gone");
    if (!p.over && !p.ready) fail(key + " is not ready");
  }
  for (auto& [key, n] : there.nodes)
    if (!n.ready || n.sends_away) fail(key + " is not well");
}

bool holds(const k8s::batch::v1::Job& job, const char* condition) {
  for (auto& c : job.status().conditions())
    if (c.type() == condition && c.status() == "True") return true;
  return false;
}

void jobs(const scene& there) {
  for (auto& [key, job] : there.jobs) {
    if (!holds(job, "Complete") && !holds(job, "Failed")) fail(key + " has not ended");
    same("status.active of " + key, job.status().active(), 0);
    for (auto p : there.pods_of(job.metadata().uid()))
      if (!p->over) fail(p->key + " runs for " + key + ", which is over");
  }
}

void quotas(const scene& there) {
  for (auto& [key, q] : there.quotas) {
    int count = 0, cpu = 0;
    for (auto& [_, p] : there.pods)
      if (p.ns == q.ns && !p.over) ++count, cpu += p.cpu_milli;
    same("used pods of " + key, q.used_pods, count);
    same("used cpu of " + key, q.used_cpu_milli, cpu);
  }
}

void budgets(const scene& there) {
  for (auto& [key, b] : there.budgets) {
    int well = 0, all = 0;
    for (auto& [_, p] : there.pods) {
      if (p.counts() && p.ready && covers(b, p)) ++well;
      all += covers(b, p);
    }
    if (b.spec().has_min_available() && b.spec().min_available().type() == 0)
      same("status.expectedPods of " + key, b.status().expected_pods(), all);
    auto wanted = healthy_wanted(b, there, std::chrono::hours{2'000});
    same("status.currentHealthy of " + key, b.status().current_healthy(), well);
    same("status.desiredHealthy of " + key, b.status().desired_healthy(), wanted);
    same("status.disruptionsAllowed of " + key, b.status().disruptions_allowed(),
         std::max(well - wanted, 0));
    same("the number of pods of " + key + " that are awaited to go",
         b.status().disrupted_pods_size(), 0);
  }
}

void slices(const scene& there, const storage::snapshot& now) {
  using k8s::discovery::v1::EndpointSlice;
  each<k8s::core::v1::Service>(now, "services", [&](auto& key, auto& service) {
    if (service.spec().selector().empty()) return;
    auto selector = label_selector::equal_to(service.spec().selector());
    std::set<std::string> behind, wanted;
    each<EndpointSlice>(now, "endpointslices.discovery.k8s.io", [&](auto&, const EndpointSlice& s) {
      auto of = s.metadata().labels().find("kubernetes.io/service-name");
      if (of == s.metadata().labels().end() || of->second != service.metadata().name() ||
          s.metadata().namespace_() != service.metadata().namespace_())
        return;
      for (auto& e : s.endpoints())
        if (e.conditions().ready() && !behind.insert(e.target_ref().name()).second)
          fail(key + " leads to " + e.target_ref().name() + " twice");
    });
    for (auto& [_, p] : there.pods)
      if (p.ns == service.metadata().namespace_() && p.counts() && p.ready &&
          selector.matches_map(p.labels))
        wanted.insert(p.name);
    auto endpoints =
        now.get("endpoints/" + service.metadata().namespace_() + "/" + service.metadata().name());
    k8s::core::v1::Endpoints listed;
    if (endpoints) gateway::read_entry(*endpoints, listed);
    int64_t addresses = 0;
    for (auto& s : listed.subsets()) addresses += s.addresses_size();
    same("the number of addresses in Endpoints of " + key, addresses,
         static_cast<int64_t>(wanted.size()));
    if (behind != wanted)
      fail(key + " leads to " + std::to_string(behind.size()) + " pods and not to " +
           std::to_string(wanted.size()));
  });
}

/// Whoever names owners has one that is there.
void orphans(const storage::snapshot& now) {
  std::set<std::string> uids;
  std::vector<std::pair<std::string, k8s::meta::v1::ObjectMeta>> owned;
  auto registry = schema::registry::built_in();
  for (auto& kind : registry->all())
    for (auto& entry : now.list(gateway::prefix_of(kind))) {
      auto object = gateway::load(kind, entry);
      auto& m = gateway::meta(*object);
      uids.insert(m.uid());
      if (m.has_deletion_timestamp()) fail(std::string(entry.key()) + " is still going");
      if (m.owner_references_size() > 0) owned.emplace_back(entry.key(), m);
    }
  for (auto& [key, m] : owned)
    if (std::none_of(m.owner_references().begin(), m.owner_references().end(),
                     [&](auto& o) { return uids.contains(o.uid()); }))
      fail(key + " is left over: its owner " + m.owner_references(0).name() + " is gone");
}

} // namespace

void check_settled(const scene& there, const storage::snapshot& now) {
  pods(there);
  orphans(now);
  deployments(there, now);
  sets(there, now);
  jobs(there);
  quotas(there);
  budgets(there);
  slices(there, now);
}

std::string summary(const scene& there, const storage::snapshot& now) {
  std::string out;
  auto say = [&](const std::string& key, const std::string& image, int64_t size) {
    out += key + " " + image + " " + std::to_string(size) + "\n";
  };
  auto tell = [&](auto& key, auto& object) {
    say(key, object.spec().template_().spec().containers(0).image(), object.spec().replicas());
  };
  each<k8s::apps::v1::Deployment>(now, "deployments.apps", tell);
  each<k8s::apps::v1::StatefulSet>(now, "statefulsets.apps", tell);
  for (auto& [key, job] : there.jobs) {
    auto& owners = job.metadata().owner_references();
    if (!owners.empty()) continue; // how many runs there were depends on who was away when
    say(key, holds(job, "Complete") ? "complete" : "failed", job.status().succeeded());
  }
  std::map<std::string, int64_t> pods; // by what they are, in each namespace
  for (auto& [_, p] : there.pods)
    if (!p.over) ++pods[p.ns + " " + p.image];
  for (auto& [what, count] : pods) say("pods of " + what, "", count);
  for (auto& [key, q] : there.quotas) say(key, "", q.used_pods);
  return out;
}

} // namespace troupe::sim
