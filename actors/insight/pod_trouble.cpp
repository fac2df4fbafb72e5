#include "actors/insight/pod_trouble.hpp"

#include <algorithm>

namespace troupe::insight {

namespace {

using k8s::core::v1::Container;
using k8s::core::v1::ContainerStatus;
using k8s::core::v1::Pod;

bool has(const std::string& text, const char* word) { return text.find(word) != std::string::npos; }

// ---- what it refers to and is not there ---------------------------------------------------------

/// Something that a pod needs in its own namespace.
struct need {
  const char* kind;
  std::string name;
  bool optional;
  std::string by; ///< "container web"
};

/// From a reference to a secret or a config map, to the whole or to a key of it.
template<class Reference> need need_of(const char* kind, const Reference& r, std::string by) {
  return {kind, r.local_object_reference().name(), r.optional(), std::move(by)};
}

void add_needs(const Container& c, std::vector<need>& to) {
  auto by = "container " + c.name();
  for (auto& e : c.env()) {
    auto& from = e.value_from();
    if (from.has_secret_key_ref()) to.push_back(need_of("Secret", from.secret_key_ref(), by));
    if (from.has_config_map_key_ref())
      to.push_back(need_of("ConfigMap", from.config_map_key_ref(), by));
  }
  for (auto& e : c.env_from()) {
    if (e.has_secret_ref()) to.push_back(need_of("Secret", e.secret_ref(), by));
    if (e.has_config_map_ref()) to.push_back(need_of("ConfigMap", e.config_map_ref(), by));
  }
}

void add_needs(const k8s::core::v1::Volume& v, std::vector<need>& to) {
  auto by = "volume " + v.name();
  auto& from = v.volume_source();
  if (from.has_secret())
    to.push_back({"Secret", from.secret().secret_name(), from.secret().optional(), by});
  if (from.has_config_map()) to.push_back(need_of("ConfigMap", from.config_map(), by));
  if (from.has_persistent_volume_claim())
    to.push_back({"PersistentVolumeClaim", from.persistent_volume_claim().claim_name(), false, by});
}

/// The first thing that the pod needs and that is not there.
trouble missing(const facts& around, const Pod& pod) {
  std::vector<need> all;
  for (auto& v : pod.spec().volumes()) add_needs(v, all);
  for (auto* list : {&pod.spec().init_containers(), &pod.spec().containers()})
    for (auto& c : *list) add_needs(c, all);
  auto& ns = pod.metadata().namespace_();
  for (auto& n : all)
    if (!n.optional && !n.name.empty() && !around.has("v1", n.kind, ns, n.name))
      return {std::string(n.kind) + " \"" + n.name + "\" is not there, and " + n.by + " needs it",
              "create it in namespace " + ns + ", or take the reference away",
              {},
              true};
  return {};
}

/// A claim of the pod's that is bound to nothing.
std::string unbound_claim(const facts& around, const Pod& pod) {
  auto kind = around.kind("v1", "PersistentVolumeClaim");
  for (auto& v : pod.spec().volumes()) {
    if (!v.volume_source().has_persistent_volume_claim()) continue;
    auto& name = v.volume_source().persistent_volume_claim().claim_name();
    if (auto claim = around.get(*kind, pod.metadata().namespace_(), name)) {
      std::string text;
      gateway::write_json(*kind, gateway::stored_form(*kind, *claim), 1, text);
      if (!has(text, "\"phase\":\"Bound\"")) return name;
    }
  }
  return {};
}

// ---- where it could run -------------------------------------------------------------------------

trouble of_scheduling(const facts& around, const Pod& pod) {
  if (!pod.spec().node_name().empty()) return {};
  if (!pod.spec().scheduling_gates().empty()) {
    std::string gates;
    for (auto& g : pod.spec().scheduling_gates()) gates += (gates.empty() ? "" : ", ") + g.name();
    return {"it is held back by its scheduling gates: " + gates,
            "whoever put them there takes them away when it may go on",
            {},
            true};
  }
  std::string message;
  for (auto& c : pod.status().conditions())
    if (c.type() == "PodScheduled" && c.status() == "False") message = c.message();
  if (message.empty())
    return {"no scheduler has looked at it yet",
            "is there a scheduler called \"" + pod.spec().scheduler_name() + "\"?",
            {},
            false};
  trouble t{"no node can take it: " + message, {}, {}, true};
  if (has(message, "PersistentVolumeClaim") || has(message, "persistentvolumeclaim"))
    t.claim = unbound_claim(around, pod);
  if (has(message, "Insufficient"))
    t.remedy = "ask for less in resources.requests, free some, or add a node";
  else if (has(message, "taint"))
    t.remedy = "tolerate the taint in spec.tolerations, or take it off with troupe taint";
  else if (has(message, "free ports"))
    t.remedy = "its hostPort is taken on every node that fits: use another, or a Service";
  else if (has(message, "affinity") || has(message, "selector"))
    t.remedy = "label a node as it asks, or ask for less";
  else if (has(message, "unschedulable"))
    t.remedy = "troupe uncordon a node";
  else if (has(message, "no nodes available"))
    t.remedy = "add a node: troupe agent";
  else
    t.remedy = "troupe describe nodes shows what there is";
  return t;
}

// ---- how its containers are ---------------------------------------------------------------------

trouble of_image(const std::string& container, const ContainerStatus& s) {
  auto& w = s.state().waiting();
  auto& m = w.message();
  bool names = has(m, "no such host") || has(m, "lookup ") || has(m, "resolve") ||
               has(m, "name resolution") || has(m, "Name or service not known");
  return {container + " has no image: " + w.reason() + ": " + m,
          names
              ? "the registry's name cannot be resolved: look at the node's DNS (/etc/resolv.conf)"
          : w.reason() == "ErrImageNeverPull"
              ? "import it (troupe image import), or let it be pulled (imagePullPolicy)"
              : "is image \"" + s.image() +
                    "\" spelled right, there, and allowed to be pulled "
                    "(imagePullSecrets)?",
          {},
          true};
}

std::string end_of(const k8s::core::v1::ContainerStateTerminated& t) {
  auto out = t.reason() + ", exit code " + std::to_string(t.exit_code());
  if (t.signal()) out += ", signal " + std::to_string(t.signal());
  if (!t.message().empty()) {
    auto last = t.message();
    while (!last.empty() && last.back() == '\n') last.pop_back();
    out +=
        ": " + last.substr(last.rfind('\n') == last.npos ? 0 : last.rfind('\n') + 1).substr(0, 300);
  }
  return out;
}

std::string end_remedy(const Pod& pod, const ContainerStatus& s,
                       const k8s::core::v1::ContainerStateTerminated& t) {
  if (t.reason() == "OOMKilled")
    return "raise resources.limits.memory of container " + s.name() + ", or let it use less";
  if (t.exit_code() == 127 || t.exit_code() == 126)
    return "its command is not in the image, or cannot be executed";
  return "what it wrote: troupe logs " + pod.metadata().name() + " -c " + s.name() +
         " --previous -n " + pod.metadata().namespace_();
}

trouble of_container(const facts& around, const Pod& pod, const ContainerStatus& s, bool init) {
  auto name = std::string(init ? "init container " : "container ") + s.name();
  if (s.state().has_waiting()) {
    auto& w = s.state().waiting();
    auto& r = w.reason();
    if (has(r, "Image") || r == "RegistryUnavailable") return of_image(name, s);
    if (r == "CrashLoopBackOff") {
      auto& last = s.last_state().terminated();
      auto probe = around.last_warning(pod.metadata(), "Unhealthy");
      if (has(probe, "iveness probe") || has(probe, "tartup probe"))
        return {name + " is restarted again and again: " + probe,
                "its probe asks for what it does not do: look at the probe and at troupe logs "
                "--previous",
                {},
                true};
      return {name + " ends again and again (" + std::to_string(s.restart_count()) +
                  " restarts): " + end_of(last),
              end_remedy(pod, s, last),
              {},
              true};
    }
    if (r == "CreateContainerConfigError" || r == "CreateContainerError" ||
        r == "RunContainerError" || r == "InvalidImageName" || r == "StartError")
      return {name + " cannot be started: " + w.message(),
              "troupe describe pod " + pod.metadata().name(),
              {},
              true};
  }
  if (s.state().has_terminated() && s.state().terminated().exit_code() != 0)
    return {name + " ended: " + end_of(s.state().terminated()),
            end_remedy(pod, s, s.state().terminated()),
            {},
            true};
  return {};
}

} // namespace

trouble pod_trouble(const facts& around, const Pod& pod) {
  auto& m = pod.metadata();
  if (m.has_deletion_timestamp()) {
    std::string waits;
    for (auto& f : m.finalizers()) waits += (waits.empty() ? "" : ", ") + f;
    return {waits.empty() ? "it is being deleted"
                          : "it is being deleted and waits for finalizers: " + waits,
            "troupe why pod/" + m.name(),
            {},
            !waits.empty()};
  }
  auto& phase = pod.status().phase();
  if (phase == "Succeeded") return {};
  if (phase == "Failed") {
    for (auto& s : pod.status().container_statuses())
      if (auto t = of_container(around, pod, s, false); !t.what.empty()) return t;
    return {"it failed: " + pod.status().reason() + " " + pod.status().message(), {}, {}, true};
  }
  for (auto& c : pod.status().conditions())
    if (c.type() == "Ready" && c.status() == "True") return {};
  if (auto t = of_scheduling(around, pod); !t.what.empty()) return t;
  for (auto& s : pod.status().init_container_statuses())
    if (!s.ready())
      if (auto t = of_container(around, pod, s, true); !t.what.empty()) return t;
  for (auto& s : pod.status().container_statuses())
    if (!s.ready())
      if (auto t = of_container(around, pod, s, false); !t.what.empty()) return t;
  if (auto t = missing(around, pod); !t.what.empty()) return t;
  bool all_run = pod.status().container_statuses_size() > 0 &&
                 std::all_of(pod.status().container_statuses().begin(),
                             pod.status().container_statuses().end(),
                             [](auto& s) { return s.state().has_running(); });
  auto warning = around.last_warning(m);
  if (all_run) {
    if (auto probe = around.last_warning(m, "Unhealthy"); !probe.empty())
      return {"it runs and is not ready: " + probe,
              "its probe asks for what it does not do yet: look at the probe and at troupe logs " +
                  m.name(),
              {},
              true};
    for (auto& gate : pod.spec().readiness_gates()) {
      bool met = false;
      for (auto& c : pod.status().conditions())
        met = met || (c.type() == gate.condition_type() && c.status() == "True");
      if (!met)
        return {"it runs and waits for its readiness gate " + gate.condition_type(),
                "whoever is to set that condition has not",
                {},
                true};
    }
    return {"it runs and is not ready yet", "give it time; its probes decide", {}, false};
  }
  if (!warning.empty()) return {warning, "troupe describe pod " + m.name(), {}, true};
  auto node = around.kind("v1", "Node");
  if (node)
    if (auto object = around.get(*node, "", pod.spec().node_name()); !object)
      return {"its node " + pod.spec().node_name() + " is not there", "delete the pod", {}, true};
  return {"it is being started on node " + pod.spec().node_name(), "give it a moment", {}, false};
}

} // namespace troupe::insight
