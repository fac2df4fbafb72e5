// The servers' side of a node, for tests: takes what the agent reports, tells it facts, and lets a
// test wait for a fact with a deadline.
#pragma once

#include "actors/gateway/object.hpp"
#include "actors/node/agent.hpp"
#include "messages/api/event.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/cluster/node.pb.h"
#include "messages/schema/defaults.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>

namespace troupe::testing {

class fake_servers {
public:
  using Pod = k8s::core::v1::Pod;
  using PodStatus = k8s::core::v1::PodStatus;

  explicit fake_servers(caf::actor_system& system) : system_{system} {
    node_ = system.spawn([this](node_actor::pointer) -> node_actor::behavior_type {
      return {[this](reported_atom, const std::string& bytes) { heard(bytes); },
              [](resync_atom) {}};
    });
    nodes_ = system.spawn([this](nodes_actor::pointer) -> nodes_actor::behavior_type {
      return {[this](arrived_atom, const std::string& bytes,
                     const caf::strong_actor_ptr& from) -> caf::result<caf::strong_actor_ptr> {
                arrive(bytes, from);
                return caf::actor_cast<caf::strong_actor_ptr>(node_);
              },
              [](resync_atom) {}};
    });
  }
  ~fake_servers() {
    for (auto& a : {caf::actor_cast<caf::actor>(node_), caf::actor_cast<caf::actor>(nodes_)})
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  }

  nodes_actor nodes() const { return nodes_; }

  /// Any object of a built-in kind from YAML, with its defaults, told as it stands.
  gateway::object stands(const char* group, const char* version, const char* plural,
                         const std::string& yaml) {
    auto& kind = *schema::registry::built_in()->by_resource(group, version, plural);
    auto body = gateway::read_body(kind, gateway::format::yaml, yaml);
    if (!body) throw std::runtime_error(body.error().message + " in " + yaml);
    schema::set_defaults(*body->object);
    auto& m = gateway::meta(*body->object);
    if (m.namespace_().empty() && kind.namespaced) m.set_namespace_("default");
    if (m.uid().empty()) m.set_uid("00000000-0000-4000-8000-" + padded(++serial_));
    tell(kind.group_resource(), *body->object);
    return std::move(body->object);
  }
  Pod pod(const std::string& yaml) {
    auto object = stands("", "v1", "pods", yaml);
    return static_cast<Pod&>(*object);
  }
  void tell(const std::string& resource, const google::protobuf::Message& object) {
    auto& m = gateway::meta(object);
    cluster::Fact fact;
    auto& n = *fact.mutable_stands()->mutable_name();
    n.set_resource(resource);
    n.set_namespace_(m.namespace_());
    n.set_name(m.name());
    fact.mutable_stands()->set_value(object.SerializeAsString());
    std::unique_lock lock(mutex_);
    facts_[resource + "/" + m.namespace_() + "/" + m.name()] = fact;
    cluster::ToNode all;
    *all.add_facts() = fact;
    if (agent_) caf::anon_send(agent_, told_atom_v, all.SerializeAsString());
  }
  void gone(const std::string& resource, const std::string& ns, const std::string& name) {
    cluster::ToNode all;
    auto& n = *all.add_facts()->mutable_gone();
    n.set_resource(resource);
    n.set_namespace_(ns);
    n.set_name(name);
    std::unique_lock lock(mutex_);
    facts_.erase(resource + "/" + ns + "/" + name);
    if (agent_) caf::anon_send(agent_, told_atom_v, all.SerializeAsString());
  }
  void ask_deletion(Pod pod, int64_t grace) {
    pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
    pod.mutable_metadata()->set_deletion_grace_period_seconds(grace);
    tell("pods", pod);
  }

  /// Whether the fact becomes true before the deadline; it may look at the members below.
  template<class Fact>
  bool wait(Fact fact, std::chrono::seconds patience = std::chrono::seconds(20)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return fact(); });
  }
  bool wait_phase(const std::string& pod, const std::string& phase) {
    return wait([&] { return statuses[pod].phase() == phase; });
  }
  bool wait_ready(const std::string& pod) {
    return wait([&] {
      for (auto& c : statuses[pod].conditions())
        if (c.type() == "Ready") return c.status() == "True";
      return false;
    });
  }
  /// Deletes and waits until nothing is left; then the object goes, too.
  bool remove(const Pod& pod, int64_t grace = 5) {
    ask_deletion(pod, grace);
    auto name = pod.metadata().name();
    bool done = wait([&] { return stopped.contains(pod.metadata().uid()); });
    gone("pods", pod.metadata().namespace_(), name);
    return done;
  }
  PodStatus status(const std::string& pod) {
    std::unique_lock lock(mutex_);
    return statuses[pod];
  }
  bool saw_event(const std::string& reason, const std::string& text = {}) {
    return wait([&] {
      for (auto& e : events)
        if (e.reason() == reason && e.message().find(text) != std::string::npos) return true;
      return false;
    });
  }

  // Look at these only inside wait().
  std::map<std::string, PodStatus> statuses;  ///< by name
  std::set<std::string> stopped;              ///< uids
  std::map<std::string, std::string> mirrors; ///< uids of objects made for static pods, by name
  std::vector<k8s::core::v1::Event> events;
  k8s::core::v1::Node node;
  bool refuse_tokens = false;

private:
  static std::string padded(uint64_t n) {
    auto text = std::to_string(n);
    return std::string(12 - text.size(), '0') + text;
  }

  void arrive(const std::string& bytes, const caf::strong_actor_ptr& from) {
    cluster::Arrived word;
    word.ParseFromString(bytes);
    std::unique_lock lock(mutex_);
    node.ParsePartialFromString(word.node());
    agent_ = caf::actor_cast<node_agent_actor>(from);
    cluster::ToNode all;
    for (bool pods : {false, true}) // what pods refer to comes first
      for (auto& [key, fact] : facts_)
        if (key.starts_with("pods/") == pods) *all.add_facts() = fact;
    all.add_facts()->mutable_all_told();
    caf::anon_send(agent_, told_atom_v, all.SerializeAsString());
    changed_.notify_all();
  }

  void heard(const std::string& bytes) {
    cluster::FromNode said;
    said.ParseFromString(bytes);
    std::unique_lock lock(mutex_);
    for (auto& r : said.reports()) {
      if (r.has_pod()) {
        auto& s = statuses[r.pod().name()];
        s.ParsePartialFromString(r.pod().status());
        // As the servers do: the object shows what was reported.
        auto hit = facts_.find("pods/" + r.pod().namespace_() + "/" + r.pod().name());
        if (hit == facts_.end()) continue;
        Pod pod;
        pod.ParsePartialFromString(hit->second.stands().value());
        *pod.mutable_status() = s;
        hit->second.mutable_stands()->set_value(pod.SerializePartialAsString());
      } else if (r.has_stopped()) {
        stopped.insert(r.stopped().uid());
        remove_mirror(r.stopped());
      } else if (r.what_case() == cluster::Report::kMirror) {
        mirror(r.mirror());
      } else if (r.what_case() == cluster::Report::kEvent) {
        events.emplace_back().ParsePartialFromString(r.event());
      } else if (r.what_case() == cluster::Report::kNodeStatus) {
        node.mutable_status()->ParsePartialFromString(r.node_status());
      } else if (r.has_token_wanted()) {
        cluster::ToNode all;
        auto& t = *all.add_facts()->mutable_token();
        t.set_request(r.token_wanted().request());
        if (refuse_tokens)
          t.set_refused("not for you");
        else
          t.set_token("token of " + r.token_wanted().service_account());
        t.set_expires_at(time(nullptr) + r.token_wanted().expiration_seconds());
        caf::anon_send(agent_, told_atom_v, all.SerializeAsString());
      }
    }
    changed_.notify_all();
  }

  /// What mirrors a static pod goes with it. Under the lock.
  void remove_mirror(const cluster::PodStopped& said) {
    auto hit = facts_.find("pods/" + said.namespace_() + "/" + said.name());
    if (hit == facts_.end() || !mirrors.contains(said.name())) return;
    cluster::ToNode all;
    *all.add_facts()->mutable_gone() = hit->second.stands().name();
    facts_.erase(hit);
    caf::anon_send(agent_, told_atom_v, all.SerializeAsString());
  }

  /// As the servers do: an object with a uid of its own. Under the lock.
  void mirror(const std::string& bytes) {
    Pod pod;
    pod.ParsePartialFromString(bytes);
    auto& m = *pod.mutable_metadata();
    m.set_uid("00000000-0000-4000-8000-" + padded(++serial_));
    mirrors[m.name()] = m.uid();
    cluster::ToNode all;
    auto& object = *all.add_facts()->mutable_stands();
    object.mutable_name()->set_resource("pods");
    object.mutable_name()->set_namespace_(m.namespace_());
    object.mutable_name()->set_name(m.name());
    object.set_value(pod.SerializeAsString());
    facts_["pods/" + m.namespace_() + "/" + m.name()] = all.facts(0);
    caf::anon_send(agent_, told_atom_v, all.SerializeAsString());
  }

  caf::actor_system& system_;
  std::mutex mutex_;
  std::condition_variable changed_;
  nodes_actor nodes_;
  node_actor node_;
  node_agent_actor agent_;
  std::map<std::string, cluster::Fact> facts_;
  uint64_t serial_ = 0;
};

} // namespace troupe::testing
