#include "actors/nodes/reports.hpp"

#include "actors/gateway/decoded.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "actors/nodes/references.hpp"
#include "actors/volumes/binding.hpp"
#include "messages/api/persistent_volume.pb.h"
#include "messages/base/log.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/pod_phase.hpp"
#include "messages/schema/qos.hpp"
#include "messages/schema/validate.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

namespace troupe::nodes {

namespace {

using namespace k8s::core::v1;

constexpr const char* agent_component = "kubelet"; // the name by which tools know it

const schema::kind& kind_of(const char* plural) {
  return *schema::registry::built_in()->by_resource("", "v1", plural);
}

/// A copy, to be changed: what was decoded is others' as well.
template<class Object> bool read(const storage::entry& entry, Object& into) {
  into = *gateway::decoded<Object>(entry);
  return true;
}

void put(const schema::kind& kind, const storage::entry& old, const google::protobuf::Message& now,
         storage::transaction& tx) {
  auto stored = gateway::stored_form(kind, now);
  if (stored == old.value()) return;
  std::string key(old.key());
  tx.require_revision(key, old.mod_revision());
  tx.put(key, stored, gateway::index_of(kind, now));
}

void create(const reporter& by, const schema::kind& kind, google::protobuf::Message& object,
            storage::transaction& tx) {
  gateway::begin_life(by.random, object, by.now);
  auto& m = gateway::meta(object);
  auto key = gateway::key_of(kind, m.namespace_(), m.name());
  tx.require_absent(key);
  tx.put(key, gateway::stored_form(kind, object), gateway::index_of(kind, object));
}

/// The pod of a node's own that this object shows; empty if it is no mirror of one.
std::string mirrored_by(const Pod& pod) {
  auto hit = pod.metadata().annotations().find("kubernetes.io/config.mirror");
  return hit == pod.metadata().annotations().end() ? std::string{} : hit->second;
}

/// The pod that a report means, if it is one of this node's.
storage::entry_ptr pod_of(const reporter& by, const std::string& ns, const std::string& name,
                          const std::string& uid, const storage::snapshot& now, Pod& pod) {
  auto entry = now.get(gateway::key_of(kind_of("pods"), ns, name));
  if (!entry || !read(*entry, pod)) return {};
  if (pod.spec().node_name() != by.node) return {};
  if (pod.metadata().uid() != uid && mirrored_by(pod) != uid) return {};
  return entry;
}

/// Conditions of a pod that others than its node may set stay as they are.
bool is_of_node(const std::string& type) {
  static const std::set<std::string> own{"Initialized",      "Ready",
                                         "ContainersReady",  "PodReadyToStartContainers",
                                         "PodResizePending", "PodResizeInProgress"};
  return own.contains(type);
}

/// Transition times and heartbeats, which only whoever stores can know.
template<class Condition>
void date(Condition& fresh, const google::protobuf::RepeatedPtrField<Condition>& before,
          timestamp now) {
  auto old =
      std::find_if(before.begin(), before.end(), [&](auto& c) { return c.type() == fresh.type(); });
  if (old != before.end() && old->status() == fresh.status() && old->has_last_transition_time())
    *fresh.mutable_last_transition_time() = old->last_transition_time();
  else
    fresh.mutable_last_transition_time()->set_seconds(now.seconds);
}

template<class Condition>
bool tells(const google::protobuf::RepeatedPtrField<Condition>& all, const std::string& type) {
  return std::any_of(all.begin(), all.end(), [&](auto& c) { return c.type() == type; });
}

/// Resources that others have put on a node, by a patch of its status, stay; all of them can be
/// allocated.
void keep_extended(const NodeStatus& old, NodeStatus& fresh) {
  for (auto& [name, amount] : old.capacity()) {
    if (name.find('/') == name.npos || fresh.capacity().contains(name)) continue;
    (*fresh.mutable_capacity())[name] = amount;
    (*fresh.mutable_allocatable())[name] = amount;
  }
}

/// What a node's agent says of it, beside what others do and what the agent does not know yet.
void merge_status(const NodeStatus& said, timestamp now, Node& node) {
  auto& old = node.status();
  auto fresh = said;
  for (auto& c : *fresh.mutable_conditions()) {
    date(c, old.conditions(), now);
    c.mutable_last_heartbeat_time()->set_seconds(now.seconds);
  }
  for (auto& c : old.conditions())
    if (!tells(said.conditions(), c.type())) *fresh.add_conditions() = c;
  if (!tells(fresh.conditions(), "Ready")) {
    auto& ready = *fresh.add_conditions();
    ready.set_type("Ready");
    ready.set_status("False");
    ready.set_reason("KubeletNotReady");
    ready.set_message("the agent has not been told its range of pod addresses yet");
    ready.mutable_last_transition_time()->set_seconds(now.seconds);
  }
  keep_extended(old, fresh);
  *fresh.mutable_volumes_attached() = old.volumes_attached();
  *node.mutable_status() = std::move(fresh);
}

std::string short_hash(const std::string& text) {
  uint64_t h = 14695981039346656037u; // FNV-1a
  for (unsigned char c : text) h = (h ^ c) * 1099511628211u;
  char out[17];
  snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(h));
  return out;
}

} // namespace

void put_pod_status(const reporter& by, const cluster::PodReport& said,
                    const storage::snapshot& now, storage::transaction& tx) {
  Pod pod;
  auto entry = pod_of(by, said.namespace_(), said.name(), said.uid(), now, pod);
  PodStatus fresh;
  if (!entry || !fresh.ParsePartialFromString(said.status())) return;
  auto& old = pod.status();
  auto& conditions = *fresh.mutable_conditions();
  for (auto& c : conditions) date(c, old.conditions(), by.now);
  for (auto& c : old.conditions()) {
    if (!tells(conditions, c.type()) && !is_of_node(c.type())) *conditions.Add() = c;
  }
  if (fresh.qos_class().empty()) fresh.set_qos_class(old.qos_class());
  if (fresh.nominated_node_name().empty() && !old.nominated_node_name().empty() &&
      fresh.phase() == "Pending")
    fresh.set_nominated_node_name(old.nominated_node_name());
  // A phase that is over does not begin again.
  if (schema::is_over(old.phase())) fresh.set_phase(old.phase());
  *pod.mutable_status() = std::move(fresh);
  put(kind_of("pods"), *entry, pod, tx);
}

void put_pod_end(const reporter& by, const cluster::PodStopped& said, const storage::snapshot& now,
                 storage::transaction& tx) {
  Pod pod;
  auto entry = pod_of(by, said.namespace_(), said.name(), said.uid(), now, pod);
  if (!entry) return;
  if (!pod.metadata().has_deletion_timestamp() && mirrored_by(pod).empty()) return;
  auto& kind = kind_of("pods");
  auto& m = *pod.mutable_metadata();
  // What was left of its time is not needed.
  if (m.has_deletion_timestamp())
    m.mutable_deletion_timestamp()->set_seconds(m.deletion_timestamp().seconds() -
                                                m.deletion_grace_period_seconds());
  m.set_deletion_grace_period_seconds(0);
  if (!pod.metadata().finalizers().empty()) return put(kind, *entry, pod, tx);
  std::string key(entry->key());
  tx.require_revision(key, entry->mod_revision());
  tx.erase(key, gateway::stored_form(kind, pod), gateway::index_of(kind, pod));
}

void put_mirror(const reporter& by, const Pod& said, const storage::snapshot& now,
                storage::transaction& tx) {
  auto& kind = kind_of("pods");
  Pod pod = said;
  auto& m = *pod.mutable_metadata();
  auto refuse = [&](const std::string& why) {
    log::warn("nodes", "a node's own pod is not shown",
              {{"node", by.node}, {"pod", m.namespace_() + "/" + m.name()}, {"why", why}});
  };
  auto space = now.get(gateway::key_of(kind_of("namespaces"), "", m.namespace_()));
  auto node_entry = now.get(gateway::key_of(kind_of("nodes"), "", by.node));
  Node node;
  if (!space || space->field("status.phase") == "Terminating" || !node_entry ||
      !read(*node_entry, node))
    return;
  if (now.get(gateway::key_of(kind, m.namespace_(), m.name()))) return;
  if (mirrored_by(pod).empty()) return refuse("it says of itself that it is no mirror");
  if (refers_to_objects(pod)) return refuse("it refers to objects of the servers");
  pod.clear_status();
  pod.mutable_spec()->set_node_name(by.node);
  m.clear_finalizers();
  m.clear_owner_references();
  auto& owner = *m.add_owner_references();
  owner.set_api_version("v1");
  owner.set_kind("Node");
  owner.set_name(by.node);
  owner.set_uid(node.metadata().uid());
  owner.set_controller(true);
  schema::set_defaults(pod);
  for (auto& fault : schema::validate_create(pod))
    return refuse(fault.field + ": " + fault.message);
  pod.mutable_status()->set_phase("Pending");
  pod.mutable_status()->set_qos_class(schema::qos_class(pod.spec()));
  create(by, kind, pod, tx);
}

void put_volume_gone(const reporter& by, const std::string& volume, const storage::snapshot& now,
                     storage::transaction& tx) {
  auto& kind = kind_of("persistentvolumes");
  auto entry = now.get(gateway::key_of(kind, "", volume));
  PersistentVolume v;
  if (!entry || !read(*entry, v) || volumes::node_of_own(v) != by.node) return;
  auto& all = *v.mutable_metadata()->mutable_finalizers();
  auto hit = std::find(all.begin(), all.end(), volumes::directory_finalizer);
  if (hit == all.end() || !v.metadata().has_deletion_timestamp()) return;
  all.erase(hit);
  if (!all.empty()) return put(kind, *entry, v, tx);
  std::string key(entry->key());
  tx.require_revision(key, entry->mod_revision());
  tx.erase(key, gateway::stored_form(kind, v), gateway::index_of(kind, v));
}

void put_node_status(const reporter& by, const NodeStatus& said, const storage::snapshot& now,
                     storage::transaction& tx) {
  auto& kind = kind_of("nodes");
  auto entry = now.get(gateway::key_of(kind, "", by.node));
  Node node;
  if (!entry || !read(*entry, node)) return;
  merge_status(said, by.now, node);
  put(kind, *entry, node, tx);
}

void put_event(const reporter& by, const Event& said, const storage::snapshot& now,
               storage::transaction& tx) {
  auto& kind = kind_of("events");
  auto& about = said.involved_object();
  auto ns = about.namespace_().empty() ? std::string("default") : about.namespace_();
  auto name = about.name() + "." +
              short_hash(about.uid() + '\n' + about.field_path() + '\n' + said.reason() + '\n' +
                         said.message() + '\n' + by.node);
  auto key = gateway::key_of(kind, ns, name);
  if (std::any_of(tx.mutations.begin(), tx.mutations.end(),
                  [&](auto& m) { return m.key() == key; }))
    return; // told twice in one breath
  Event event;
  if (auto entry = now.get(key); entry && read(*entry, event)) {
    event.set_count(event.count() + 1);
    event.mutable_last_timestamp()->set_seconds(by.now.seconds);
    return put(kind, *entry, event, tx);
  }
  event = said;
  event.clear_metadata();
  event.mutable_metadata()->set_name(name);
  event.mutable_metadata()->set_namespace_(ns);
  event.mutable_involved_object()->set_namespace_(about.namespace_());
  event.mutable_source()->set_component(agent_component);
  event.mutable_source()->set_host(by.node);
  event.set_reporting_component(agent_component);
  event.set_reporting_instance(by.node);
  event.mutable_first_timestamp()->set_seconds(by.now.seconds);
  event.mutable_last_timestamp()->set_seconds(by.now.seconds);
  event.set_count(1);
  if (event.type().empty()) event.set_type("Normal");
  create(by, kind, event, tx);
}

void put_node(const reporter& by, const Node& said, const std::string& pod_range,
              const storage::snapshot& now, storage::transaction& tx) {
  auto& kind = kind_of("nodes");
  auto entry = now.get(gateway::key_of(kind, "", by.node));
  Node node;
  bool known = entry && read(*entry, node);
  auto& m = *node.mutable_metadata();
  m.set_name(by.node);
  for (auto& [name, value] : said.metadata().labels()) (*m.mutable_labels())[name] = value;
  for (auto& [name, value] : said.metadata().annotations())
    (*m.mutable_annotations())[name] = value;
  if (!known) *node.mutable_spec()->mutable_taints() = said.spec().taints();
  if (node.spec().pod_cidr().empty() && !pod_range.empty()) {
    node.mutable_spec()->set_pod_cidr(pod_range);
    node.mutable_spec()->add_pod_cidrs(pod_range);
  }
  merge_status(said.status(), by.now, node);
  if (known)
    put(kind, *entry, node, tx);
  else
    create(by, kind, node, tx);
}

void put_node_unknown(const reporter& by, const storage::snapshot& now, storage::transaction& tx) {
  auto& kind = kind_of("nodes");
  auto entry = now.get(gateway::key_of(kind, "", by.node));
  Node node;
  if (!entry || !read(*entry, node)) return;
  static const char* const types[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};
  auto& all = *node.mutable_status()->mutable_conditions();
  for (auto type : types) {
    auto hit = std::find_if(all.begin(), all.end(), [&](auto& c) { return c.type() == type; });
    auto& c = hit == all.end() ? *all.Add() : *hit;
    if (c.status() == "Unknown") continue;
    c.set_type(type);
    c.set_status("Unknown");
    c.set_reason("NodeStatusUnknown");
    c.set_message("Kubelet stopped posting node status.");
    c.mutable_last_transition_time()->set_seconds(by.now.seconds);
  }
  put(kind, *entry, node, tx);
}

} // namespace troupe::nodes
