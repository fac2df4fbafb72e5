#include "test/sim/company/scene.hpp"

#include "actors/controllers/deployment_sizes.hpp"
#include "actors/gateway/quota_usage.hpp"
#include "messages/base/quantity.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

template<class Meta> owner controller_in(const Meta& m) {
  for (auto& o : m.owner_references())
    if (o.controller()) return {o.kind(), o.name(), o.uid()};
  return {};
}

template<class Shape, class Object>
Shape& name_it(std::map<std::string, Shape>& in, const storage::entry& entry, const Object& from) {
  std::string key(entry.key());
  auto& shape = in[key];
  if (shape.uid != from.metadata().uid()) shape = {};
  shape.key = key;
  shape.ns = from.metadata().namespace_();
  shape.name = from.metadata().name();
  shape.uid = from.metadata().uid();
  shape.going = from.metadata().has_deletion_timestamp();
  return shape;
}

std::string image_of(const k8s::core::v1::PodSpec& spec) {
  return spec.containers_size() > 0 ? spec.containers(0).image() : std::string{};
}

} // namespace

int milli_of(const std::string& text) {
  auto q = quantity::parse(text);
  return q ? static_cast<int>(q->milli_value()) : 0;
}

void wish::put(int value, nanoseconds now) {
  while (past_.size() > 1 && past_[1].first + reaction_time < now) past_.pop_front();
  if (past_.empty() || past_.back().second != value) past_.emplace_back(now, value);
}

int wish::most(nanoseconds now) const {
  int out = latest();
  for (size_t i = 0; i + 1 < past_.size(); ++i)
    if (past_[i + 1].first + reaction_time >= now) out = std::max(out, past_[i].second);
  return out;
}

int wish::least(nanoseconds now) const {
  int out = latest();
  for (size_t i = 0; i + 1 < past_.size(); ++i)
    if (past_[i + 1].first + reaction_time >= now) out = std::min(out, past_[i].second);
  return out;
}

pod_shape shape_of_pod(const storage::entry& entry) {
  auto pod = read_object<k8s::core::v1::Pod>(entry);
  pod_shape p;
  p.key = entry.key();
  p.ns = pod.metadata().namespace_();
  p.name = pod.metadata().name();
  p.uid = pod.metadata().uid();
  p.node = pod.spec().node_name();
  p.image = image_of(pod.spec());
  p.labels = {pod.metadata().labels().begin(), pod.metadata().labels().end()};
  p.controller = controller_in(pod.metadata());
  p.going = pod.metadata().has_deletion_timestamp();
  p.charged_until = gateway::counts_until(pod);
  p.failed = pod.status().phase() == "Failed";
  p.over = p.failed || pod.status().phase() == "Succeeded";
  for (auto& c : pod.status().conditions())
    if (c.type() == "Ready")
      p.ready = c.status() == "True";
    else if (c.type() == "DisruptionTarget")
      p.preempted = c.status() == "True" && c.reason() == "PreemptionByScheduler";
  p.priority = pod.spec().priority();
  p.nominated = pod.status().nominated_node_name();
  for (auto& v : pod.spec().volumes()) {
    auto& source = v.volume_source();
    auto name = source.has_ephemeral() ? p.name + "-" + v.name()
                                       : source.persistent_volume_claim().claim_name();
    if (!name.empty()) p.claims.push_back("persistentvolumeclaims/" + p.ns + "/" + name);
  }
  p.may_preempt = pod.spec().preemption_policy() != "Never";
  if (auto hit = p.labels.find("controller-revision-hash"); hit != p.labels.end())
    p.revision = hit->second;
  for (auto& c : pod.spec().containers()) {
    auto hit = c.resources().requests().find("cpu");
    if (hit != c.resources().requests().end()) p.cpu_milli += milli_of(hit->second.string());
  }
  return p;
}

void scene::hear(const std::vector<storage::event_ptr>& events, nanoseconds now) {
  for (auto& e : events) {
    if (e->what == storage::event::kind::erase)
      erase(std::string(e->now->key()));
    else
      put(*e->now, now);
  }
}

void scene::put(const storage::entry& entry, nanoseconds now) {
  auto resource = storage::resource_of(entry.key());
  std::string key(entry.key());
  if (resource == "pods") {
    auto& was = pods[key];
    auto is = shape_of_pod(entry);
    is.ready_since = was.ready && was.uid == is.uid ? was.ready_since : now;
    was = std::move(is);
  } else if (resource == "replicasets.apps") {
    auto object = read_object<k8s::apps::v1::ReplicaSet>(entry);
    auto& s = name_it(sets, entry, object);
    s.controller = controller_in(object.metadata());
    s.image = image_of(object.spec().template_().spec());
    s.replicas.put(object.spec().replicas(), now);
    s.min_ready = std::chrono::seconds{object.spec().min_ready_seconds()};
  } else if (resource == "deployments.apps") {
    auto object = read_object<k8s::apps::v1::Deployment>(entry);
    auto& d = name_it(deployments, entry, object);
    auto bounds = controllers::bounds_of(object);
    d.rolls = controllers::rolls(object);
    d.paused = object.spec().paused();
    d.replicas.put(object.spec().replicas(), now);
    d.surge.put(bounds.surge, now);
    d.unavailable.put(bounds.unavailable, now);
  } else if (resource == "statefulsets.apps") {
    auto object = read_object<k8s::apps::v1::StatefulSet>(entry);
    auto& s = name_it(stateful_sets, entry, object);
    s.ordered = object.spec().pod_management_policy() != "Parallel";
    s.replicas.put(object.spec().replicas(), now);
    s.partition.put(object.spec().update_strategy().rolling_update().partition(), now);
    s.revision = object.status().current_revision();
    s.kept_when_scaled =
        object.spec().persistent_volume_claim_retention_policy().when_scaled() != "Delete";
  } else if (resource == "daemonsets.apps") {
    auto object = read_object<k8s::apps::v1::DaemonSet>(entry);
    auto& d = name_it(daemon_sets, entry, object);
    auto& rolling = object.spec().update_strategy().rolling_update();
    auto whole = static_cast<int>(nodes.size());
    d.surge.put(controllers::resolve(rolling.max_surge(), whole, true), now);
    d.unavailable.put(controllers::resolve(rolling.max_unavailable(), whole, true), now);
  } else if (resource == "nodes") {
    auto object = read_object<k8s::core::v1::Node>(entry);
    auto was = nodes[key];
    auto& n = nodes[key] = {object.metadata().name()};
    auto& room = object.status().allocatable();
    if (room.contains("cpu")) n.cpu_milli = milli_of(room.at("cpu").string());
    if (room.contains("pods")) n.pods_max = milli_of(room.at("pods").string()) / 1000;
    for (auto& c : object.status().conditions())
      if (c.type() == "Ready") n.ready = c.status() == "True";
    n.ready_since = was.ready ? was.ready_since : now;
    n.closed = object.spec().unschedulable();
    n.tainted = !object.spec().taints().empty();
    n.changed = was.ready == n.ready && was.closed == n.closed && was.tainted == n.tainted
                    ? was.changed
                    : now;
    for (auto& t : object.spec().taints()) n.sends_away = n.sends_away || t.effect() == "NoExecute";
  } else if (resource == "resourcequotas") {
    auto object = read_object<k8s::core::v1::ResourceQuota>(entry);
    auto& q = quotas[key];
    q.key = key;
    q.ns = object.metadata().namespace_();
    auto amount = [](auto& of, const char* name) {
      auto hit = of.find(name);
      return hit == of.end() ? 1'000'000'000 : milli_of(hit->second.string());
    };
    // What holds is what has been taken over into the status.
    q.pods.put(amount(object.status().hard(), "pods") / 1000, now);
    q.cpu_milli.put(amount(object.status().hard(), "requests.cpu"), now);
    q.used_pods = amount(object.status().used(), "pods") / 1000;
    q.used_cpu_milli = amount(object.status().used(), "requests.cpu");
  } else if (resource == "poddisruptionbudgets.policy") {
    budgets[key] = read_object<k8s::policy::v1::PodDisruptionBudget>(entry);
  } else if (resource == "namespaces") {
    auto object = read_object<k8s::core::v1::Namespace>(entry);
    if (object.metadata().has_deletion_timestamp()) ending_spaces.insert(object.metadata().name());
  } else if (resource == "jobs.batch") {
    jobs[key] = read_object<k8s::batch::v1::Job>(entry);
  }
}

void scene::erase(const std::string& key) {
  pods.erase(key);
  sets.erase(key);
  deployments.erase(key);
  stateful_sets.erase(key);
  daemon_sets.erase(key);
  nodes.erase(key);
  quotas.erase(key);
  budgets.erase(key);
  jobs.erase(key);
  if (key.starts_with("namespaces//")) ending_spaces.erase(key.substr(12));
}

std::vector<const pod_shape*> scene::pods_of(const std::string& owner_uid) const {
  std::vector<const pod_shape*> out;
  for (auto& [_, p] : pods)
    if (p.controller.uid == owner_uid) out.push_back(&p);
  return out;
}

const set_shape* scene::set_of(const pod_shape& pod) const {
  if (pod.controller.kind != "ReplicaSet") return nullptr;
  auto hit = sets.find("replicasets.apps/" + pod.ns + "/" + pod.controller.name);
  return hit == sets.end() || hit->second.uid != pod.controller.uid ? nullptr : &hit->second;
}

const deployment_shape* scene::deployment_of(const set_shape& set) const {
  if (set.controller.kind != "Deployment") return nullptr;
  auto hit = deployments.find("deployments.apps/" + set.ns + "/" + set.controller.name);
  return hit == deployments.end() || hit->second.uid != set.controller.uid ? nullptr : &hit->second;
}

std::vector<const set_shape*> scene::sets_of(const deployment_shape& d) const {
  std::vector<const set_shape*> out;
  for (auto& [_, s] : sets)
    if (s.controller.uid == d.uid) out.push_back(&s);
  return out;
}

std::vector<const pod_shape*> scene::pods_of(const deployment_shape& d) const {
  std::vector<const pod_shape*> out;
  for (auto s : sets_of(d))
    for (auto p : pods_of(s->uid)) out.push_back(p);
  return out;
}

} // namespace troupe::sim
