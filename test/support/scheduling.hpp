// Nodes and pods for tests and benchmarks of the scheduler, written as short YAML.
#pragma once

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "actors/scheduler/core.hpp"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"

#include <stdexcept>
#include <string>

namespace troupe::testing {

/// The object of a built-in kind that this YAML (without apiVersion and kind) describes.
inline gateway::object read_yaml(const schema::kind& kind, const std::string& yaml) {
  auto body = gateway::read_body(kind, gateway::format::yaml, yaml);
  if (!body) throw std::runtime_error(body.error().message + " in " + yaml);
  return std::move(body->object);
}

inline storage::entry_ptr entry_of(const schema::kind& kind, const google::protobuf::Message& m,
                                   uint64_t revision = 1) {
  auto& meta = gateway::meta(m);
  return storage::entry::make(gateway::key_of(kind, meta.namespace_(), meta.name()),
                              gateway::index_of(kind, m), gateway::stored_form(kind, m), revision,
                              revision);
}

inline const schema::kind& core_kind(const char* plural) {
  return *schema::registry::built_in()->by_resource("", "v1", plural);
}

/// `rest` is what follows name and namespace, for example "spec: {nodeSelector: {a: b}}".
inline storage::entry_ptr pod_entry(const std::string& name, const std::string& rest = "",
                                    const std::string& ns = "default") {
  auto object = read_yaml(core_kind("pods"), rest.empty() ? "{}" : rest);
  auto& pod = static_cast<k8s::core::v1::Pod&>(*object);
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_(ns);
  pod.mutable_metadata()->set_uid("uid-" + ns + "-" + name);
  if (pod.spec().scheduler_name().empty())
    pod.mutable_spec()->set_scheduler_name("default-scheduler");
  return entry_of(core_kind("pods"), pod);
}

/// A pod that asks for so much of everything.
inline std::string asking(const std::string& cpu, const std::string& memory,
                          const std::string& more_spec = "") {
  return "spec: {containers: [{name: c, resources: {requests: {cpu: " + cpu +
         ", memory: " + memory + "}}}]" + (more_spec.empty() ? "" : ", " + more_spec) + "}";
}

inline storage::entry_ptr node_entry(const std::string& name, const std::string& labels = "",
                                     const std::string& spec = "", const std::string& cpu = "4",
                                     const std::string& memory = "16Gi", int pods = 110) {
  auto object = read_yaml(core_kind("nodes"),
                          "{metadata: {labels: {kubernetes.io/hostname: \"" + name + "\"" +
                              (labels.empty() ? "" : ", " + labels) + "}}, spec: {" + spec +
                              "}, status: {allocatable: {cpu: " + cpu + ", memory: " + memory +
                              ", pods: " + std::to_string(pods) + "}}}");
  gateway::meta(*object).set_name(name);
  return entry_of(core_kind("nodes"), *object);
}

/// What decide() said, by pod: the node, or the message why there is none.
inline std::map<std::string, std::string> outcome(scheduler::core& c, scheduler::moment now = {}) {
  std::map<std::string, std::string> out;
  for (;;) {
    auto decisions = c.decide(1'000, now);
    if (decisions.empty()) return out;
    for (auto& d : decisions) {
      if (auto b = std::get_if<scheduler::bind_pod>(&d)) {
        out[std::string(b->pod->name())] = b->node;
        k8s::core::v1::Pod pod;
        gateway::read_entry(*b->pod->entry, pod);
        pod.mutable_spec()->set_node_name(b->node);
        c.hear_pod(entry_of(core_kind("pods"), pod, 2), false);
      } else if (auto t = std::get_if<scheduler::tell_pending>(&d)) {
        out[std::string(t->pod->name())] = t->message;
      } else if (auto p = std::get_if<scheduler::preempt_pod>(&d)) {
        out[std::string(p->pod->name())] = "preempted";
        c.hear_pod(p->pod->entry, true);
      }
    }
  }
}

} // namespace troupe::testing
