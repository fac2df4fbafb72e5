#include "test/sim/company/workload.hpp"

#include "messages/api/service.pb.h"

#include <algorithm>

namespace troupe::sim {

namespace {

using k8s::apps::v1::DaemonSet;
using k8s::apps::v1::Deployment;
using k8s::apps::v1::StatefulSet;
using k8s::core::v1::Node;
using k8s::core::v1::PodTemplateSpec;
using k8s::core::v1::ResourceQuota;

const schema::kind& kind(const char* group, const char* plural) {
  return *schema::registry::built_in()->by_resource(group, "v1", plural);
}
const schema::kind& deployments() { return kind("apps", "deployments"); }
const schema::kind& stateful_sets() { return kind("apps", "statefulsets"); }
const schema::kind& daemon_sets() { return kind("apps", "daemonsets"); }

struct place {
  const char *ns, *name;
};
constexpr place deployment_places[] = {{"a", "d0"}, {"a", "d1"}, {"tight", "d2"}, {"temp", "d3"}};
constexpr const char* broken = "hollow.troupe.dev/ready";
constexpr int replicas_max = 6;

std::string quoted(std::string text) { return "\"" + text + "\""; }

/// Removes a pod as a user does.
void send_away(company& c, rules& r, const pod_shape& p) {
  r.excuse(p.uid);
  c.remove(kind("", "pods"), p.ns, p.name);
}

void evict(company& c, rules& r, const pod_shape& p) {
  r.excuse(p.uid);
  if (c.evict(p.ns, p.name) == 201)
    r.granted(p);
  else
    r.blame(p.uid);
}

/// Evicts everybody on a machine but daemons; true if nobody is left.
bool empty(company& c, rules& r, const std::string& node) {
  std::vector<pod_shape> all;
  for (auto& [_, p] : r.there().pods)
    if (p.node == node && p.counts() && p.controller.kind != "DaemonSet") all.push_back(p);
  for (auto& p : all) evict(c, r, p);
  return all.empty();
}

void close(company& c, const std::string& node, bool closed) {
  c.change(kind("", "nodes"), {}, node,
           [&](auto& m) { static_cast<Node&>(m).mutable_spec()->set_unschedulable(closed); });
}

} // namespace

workload::workload(uint64_t seed, nanoseconds time, size_t machines)
    : random_{seed}, machines_{machines} {
  using std::chrono::milliseconds;
  for (auto ns : {"a", "tight", "temp"})
    create(kind("", "namespaces"), {}, ns, "metadata: {name: " + std::string(ns) + "}");
  now_ += milliseconds{200}; // accounts are made
  put_quota();
  create_ranks();
  auto begin = now_;
  auto some_time = [&] { now_ = begin + milliseconds{pick(3'000)}; };
  for (auto& [ns, name] : deployment_places) some_time(), create_deployment(ns, name);
  for (auto name : {"s0", "s1"}) some_time(), create_stateful_set(name);
  some_time(), create_daemon_set();
  some_time(), create_job();
  some_time(), create_budgets();
  some_time(), create_storage();
  some_time(), create_stored_set();
  some_time(), create_sharers();
  for (auto name : {"c0", "c1"}) some_time(), create_cron_job(name);
  for (auto count = 15 + pick(20); count > 0; --count) {
    now_ = begin + nanoseconds{pick(static_cast<uint64_t>(time.count()))};
    random_step();
  }
  std::stable_sort(steps_.begin(), steps_.end(), [](auto& a, auto& b) { return a.at < b.at; });
}

void workload::add(std::string text, std::function<void(company&, rules&)> act) {
  steps_.push_back({now_, std::move(text), std::move(act)});
}

void workload::create(const schema::kind& k, const std::string& ns, const std::string& name,
                      std::string yaml) {
  add("create " + k.plural + " " + ns + "/" + name,
      [&k, yaml = std::move(yaml)](company& c, rules&) { c.create(k, yaml); });
}

void workload::change(const schema::kind& k, const std::string& ns, const std::string& name,
                      std::string text, std::function<void(message&)> how) {
  add(text + " " + k.plural + " " + ns + "/" + name,
      [&k, ns, name, how = std::move(how)](company& c, rules&) { c.change(k, ns, name, how); });
}

std::string workload::pod_template(const std::string& app, const std::string& more_notes,
                                   const std::string& more_spec) {
  static constexpr int cpus[] = {100, 250, 400};
  return "{metadata: {labels: {app: " + app + "}, annotations: {hollow.troupe.dev/start-delay: " +
         quoted(std::to_string(pick(3'000)) + "ms") +
         ", hollow.troupe.dev/stop-delay: " + quoted(std::to_string(pick(2'000)) + "ms") +
         more_notes + "}}, spec: {containers: [{name: c, image: \"" + app + ":" +
         std::to_string(versions_++) +
         "\", resources: {requests: {cpu: " + std::to_string(cpus[pick(3)]) + "m}}}]" + more_spec +
         "}}";
}

void workload::create_deployment(const std::string& ns, const std::string& name) {
  static const char* const amounts[] = {"0", "1", "2", "25%", "50%", "100%"};
  std::string strategy = "{type: Recreate}";
  if (!chance(0.2)) {
    auto unavailable = pick(5), surge = pick(6);
    if (unavailable == 0 && surge == 0) surge = 1;
    strategy = "{rollingUpdate: {maxUnavailable: " + std::string(amounts[unavailable]) +
               ", maxSurge: " + amounts[surge] + "}}";
  }
  create(deployments(), ns, name,
         "{metadata: {name: " + name + ", namespace: " + ns +
             "}, spec: {replicas: " + std::to_string(pick(replicas_max + 1)) +
             ", revisionHistoryLimit: " + std::to_string(pick(4)) + ", minReadySeconds: " +
             std::to_string(chance(0.3) ? pick(4) : 0) + ", selector: {matchLabels: {app: " + name +
             "}}, strategy: " + strategy + ", template: " + pod_template(name) + "}}");
  create(kind("", "services"), ns, name,
         "{metadata: {name: " + name + ", namespace: " + ns + "}, spec: {selector: {app: " + name +
             "}, ports: [{port: 80}]}}");
}

void workload::create_stateful_set(const std::string& name) {
  create(stateful_sets(), "a", name,
         "{metadata: {name: " + name + ", namespace: a}, spec: {replicas: " +
             std::to_string(pick(replicas_max)) + ", serviceName: " + name +
             ", podManagementPolicy: " + (chance(0.6) ? "OrderedReady" : "Parallel") +
             ", selector: {matchLabels: {app: " + name + "}}, template: " + pod_template(name) +
             "}}");
}

void workload::create_daemon_set() {
  auto surge = chance(0.3);
  create(daemon_sets(), "a", "g0",
         std::string("{metadata: {name: g0, namespace: a}, spec: {selector: {matchLabels: {app: "
                     "g0}}, updateStrategy: {rollingUpdate: {") +
             (surge ? "maxUnavailable: 0, maxSurge: 1"
                    : "maxUnavailable: " + std::to_string(1 + pick(2))) +
             "}}, template: " +
             // Whoever fills its machine must not keep it from coming back.
             pod_template("g0", {}, ", priorityClassName: everywhere") + "}}");
}

void workload::create_job() {
  auto name = "j" + std::to_string(jobs_++);
  auto fails = chance(0.3);
  auto completions = 1 + pick(5);
  create(kind("batch", "jobs"), "a", name,
         "{metadata: {name: " + name + ", namespace: a}, spec: {completions: " +
             std::to_string(completions) + ", parallelism: " + std::to_string(1 + pick(3)) +
             ", completionMode: " + (chance(0.5) ? "Indexed" : "NonIndexed") +
             // Machines that are lost take pods along: only what fails by itself may fail.
             ", backoffLimit: " + std::to_string(fails ? 2 : 100) + ", template: " +
             pod_template(name,
                          ", hollow.troupe.dev/run-time: " +
                              quoted(std::to_string(500 + pick(4'000)) + "ms") +
                              ", hollow.troupe.dev/exit-code: " + (fails ? "\"1\"" : "\"0\""),
                          ", restartPolicy: Never" + (chance(0.3) ? scratch_space() : "")) +
             "}}");
}

void workload::create_budgets() {
  static const char* const amounts[] = {"minAvailable: 1", "minAvailable: 50%", "maxUnavailable: 1",
                                        "maxUnavailable: 25%", "maxUnavailable: 0"};
  for (auto app : {"d0", "d1", "s0", "s2"})
    create(kind("policy", "poddisruptionbudgets"), "a", app,
           std::string("{metadata: {name: ") + app + ", namespace: a}, spec: {" + amounts[pick(5)] +
               ", selector: {matchLabels: {app: " + app + "}}}}");
}

void workload::put_quota() {
  create(
      kind("", "resourcequotas"), "tight", "q",
      "{metadata: {name: q, namespace: tight}, spec: {hard: {pods: " + std::to_string(2 + pick(6)) +
          ", requests.cpu: " + std::to_string(1 + pick(3)) + "}}}");
}

void workload::random_step() {
  auto draw = pick(141);
  if (draw < 45) return change_deployment();
  if (draw < 57) return change_stateful_set();
  if (draw < 62) return change_daemon_set();
  if (draw < 68) return create_job();
  if (draw < 82) return disturb_pod();
  if (draw < 92) return empty_machine();
  if (draw < 100) return move_space();
  if (draw < 104) return change_cron_job();
  if (draw < 116) return change_storage();
  if (draw < 127) return change_stored_set();
  if (draw < 132) return change_sharers();
  summon_important();
}

void workload::change_deployment() {
  auto at = deployment_places[pick(std::size(deployment_places))];
  std::string ns = at.ns, name = at.name;
  switch (pick(8)) {
  case 0:
  case 1:
  case 2: {
    auto replicas = static_cast<int>(pick(replicas_max + 1));
    return change(deployments(), ns, name, "scale to " + std::to_string(replicas), [=](auto& m) {
      static_cast<Deployment&>(m).mutable_spec()->set_replicas(replicas);
    });
  }
  case 3:
  case 4: {
    auto image = name + ":" + std::to_string(versions_++);
    auto breaks = chance(0.15);
    return change(deployments(), ns, name, "roll to " + image, [=](auto& m) {
      auto& wanted = *static_cast<Deployment&>(m).mutable_spec()->mutable_template_();
      wanted.mutable_spec()->mutable_containers(0)->set_image(image);
      if (breaks) (*wanted.mutable_metadata()->mutable_annotations())[broken] = "false";
    });
  }
  case 5: {
    auto paused = chance(0.4);
    return change(deployments(), ns, name, paused ? "pause" : "resume",
                  [=](auto& m) { static_cast<Deployment&>(m).mutable_spec()->set_paused(paused); });
  }
  case 6: { // back to an image that it may have had
    auto image = name + ":" + std::to_string(pick(static_cast<uint64_t>(versions_)));
    return change(deployments(), ns, name, "roll back to " + image, [=](auto& m) {
      auto& wanted = *static_cast<Deployment&>(m).mutable_spec()->mutable_template_();
      wanted.mutable_spec()->mutable_containers(0)->set_image(image);
    });
  }
  case 7: {
    static const char* const ways[] = {"Background", "Foreground", "Orphan"};
    std::string way = ways[pick(3)];
    add("delete deployment " + ns + "/" + name + " " + way,
        [=](company& c, rules&) { c.remove(deployments(), ns, name, way); });
    now_ += std::chrono::milliseconds{pick(20'000)};
    return create_deployment(ns, name);
  }
  }
}

void workload::change_stateful_set() {
  std::string name = chance(0.5) ? "s0" : "s1";
  if (chance(0.25)) return move_partition(name);
  if (chance(0.5)) {
    auto replicas = static_cast<int>(pick(replicas_max));
    return change(stateful_sets(), "a", name, "scale to " + std::to_string(replicas), [=](auto& m) {
      static_cast<StatefulSet&>(m).mutable_spec()->set_replicas(replicas);
    });
  }
  auto image = name + ":" + std::to_string(versions_++);
  change(stateful_sets(), "a", name, "roll to " + image, [=](auto& m) {
    static_cast<StatefulSet&>(m)
        .mutable_spec()
        ->mutable_template_()
        ->mutable_spec()
        ->mutable_containers(0)
        ->set_image(image);
  });
}

void workload::change_daemon_set() {
  auto image = "g0:" + std::to_string(versions_++);
  change(daemon_sets(), "a", "g0", "roll to " + image, [=](auto& m) {
    static_cast<DaemonSet&>(m)
        .mutable_spec()
        ->mutable_template_()
        ->mutable_spec()
        ->mutable_containers(0)
        ->set_image(image);
  });
}

/// Evicts or deletes whichever pod the number falls on then, or evicts all of its kind at once.
void workload::disturb_pod() {
  auto number = random_();
  auto way = pick(3);
  static const char* const words[] = {"delete a pod", "evict a pod", "evict all pods like one"};
  add(words[way], [=](company& c, rules& r) {
    auto& all = r.there().pods;
    if (all.empty()) return;
    auto at = all.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(number % all.size()));
    auto pod = at->second;
    if (way == 0) return send_away(c, r, pod);
    std::vector<pod_shape> meant;
    for (auto& [_, p] : all)
      if (p.uid == pod.uid || (way == 2 && p.ns == pod.ns && p.labels == pod.labels))
        meant.push_back(p);
    for (auto& p : meant) evict(c, r, p);
  });
}

void workload::empty_machine() {
  auto node = company::machine_name(pick(machines_));
  auto begun = now_;
  add("cordon " + node, [=](company& c, rules&) { close(c, node, true); });
  for (int tries = 0; tries < 4; ++tries) {
    now_ += std::chrono::milliseconds{100 + pick(4'000)};
    add("drain " + node, [=](company& c, rules& r) { empty(c, r, node); });
  }
  now_ = begun + std::chrono::milliseconds{pick(30'000)};
  add("uncordon " + node, [=](company& c, rules&) { close(c, node, false); });
}

/// A namespace that goes with all that is in it, and comes again; or a quota that moves.
void workload::move_space() {
  if (chance(0.5)) {
    auto pods = std::to_string(1 + pick(9));
    return change(kind("", "resourcequotas"), "tight", "q", "set pods to " + pods + " in",
                  [=](auto& m) {
                    auto& hard = *static_cast<ResourceQuota&>(m).mutable_spec()->mutable_hard();
                    hard["pods"].set_string(pods);
                  });
  }
  add("delete namespace temp",
      [](company& c, rules&) { c.remove(kind("", "namespaces"), {}, "temp"); });
  now_ += std::chrono::milliseconds{5'000 + pick(20'000)};
  create(kind("", "namespaces"), {}, "temp", "metadata: {name: temp}");
  now_ += std::chrono::milliseconds{500};
  create_deployment("temp", "d3");
}

void workload::relent(company& c, rules& r) {
  for (size_t i = 0; i < c.machines(); ++i) {
    c.bring_machine(i);
    close(c, company::machine_name(i), false);
  }
  c.change(kind("", "resourcequotas"), "tight", "q", [](auto& m) {
    auto& hard = *static_cast<ResourceQuota&>(m).mutable_spec()->mutable_hard();
    hard["pods"].set_string("40");
    hard["requests.cpu"].set_string("40");
  });
  for (auto& [ns, name] : deployment_places)
    c.change(deployments(), ns, name, [](auto& m) {
      auto& spec = *static_cast<Deployment&>(m).mutable_spec();
      spec.set_paused(false);
      spec.mutable_template_()->mutable_metadata()->mutable_annotations()->erase(broken);
    });
  relent_kinds(c);
  // Sets without a deployment (it was deleted and left them behind) that cannot get ready go.
  std::vector<set_shape> left;
  for (auto& [_, s] : r.there().sets)
    if (s.controller.uid.empty()) left.push_back(s);
  for (auto& s : left) c.remove(kind("apps", "replicasets"), s.ns, s.name, "Background");
}

} // namespace troupe::sim
