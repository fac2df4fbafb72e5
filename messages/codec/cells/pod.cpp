#include "messages/codec/cells/view.hpp"

#include "messages/api/pod.pb.h"
#include "messages/schema/pod_phase.hpp"

#include <set>

namespace troupe::codec {

namespace {

using k8s::core::v1::ContainerStatus;
using k8s::core::v1::Pod;

const k8s::core::v1::PodCondition* condition(const Pod& pod, std::string_view type) {
  for (auto& c : pod.status().conditions())
    if (c.type() == type) return &c;
  return nullptr;
}

bool restarts_always(const Pod& pod, const std::string& name) {
  for (auto& c : pod.spec().init_containers())
    if (c.name() == name) return c.restart_policy() == "Always";
  return false;
}

std::string terminated_reason(const k8s::core::v1::ContainerStateTerminated& t) {
  if (!t.reason().empty()) return t.reason();
  return t.signal() != 0 ? "Signal:" + std::to_string(t.signal())
                         : "ExitCode:" + std::to_string(t.exit_code());
}

/// What the Init: part of the status says; empty once all init containers are through.
std::string init_reason(const Pod& pod) {
  int i = 0;
  for (auto& s : pod.status().init_container_statuses()) {
    ++i;
    auto& state = s.state();
    if (state.has_terminated() && state.terminated().exit_code() == 0) continue;
    if (restarts_always(pod, s.name()) && s.started()) continue;
    if (state.has_terminated()) return "Init:" + terminated_reason(state.terminated());
    if (state.has_waiting() && !state.waiting().reason().empty() &&
        state.waiting().reason() != "PodInitializing")
      return "Init:" + state.waiting().reason();
    return "Init:" + std::to_string(i - 1) + "/" +
           std::to_string(pod.spec().init_containers_size());
  }
  return {};
}

/// Until then its containers have nothing to say.
bool initialized(const Pod& pod) {
  auto done = condition(pod, "Initialized");
  return (done && done->status() == "True") || init_reason(pod).empty();
}

std::string reason_of(const Pod& pod) {
  auto reason = pod.status().reason().empty() ? pod.status().phase() : pod.status().reason();
  auto scheduled = condition(pod, "PodScheduled");
  if (scheduled && scheduled->reason() == "SchedulingGated") reason = "SchedulingGated";
  if (auto init = init_reason(pod); !init.empty()) reason = init;
  if (initialized(pod)) {
    bool running = false;
    auto& all = pod.status().container_statuses();
    for (auto s = all.rbegin(); s != all.rend(); ++s) {
      auto& state = s->state();
      if (state.has_waiting() && !state.waiting().reason().empty())
        reason = state.waiting().reason();
      else if (state.has_terminated())
        reason = terminated_reason(state.terminated());
      else if (s->ready() && state.has_running())
        running = true;
    }
    if (reason == "Completed" && running) {
      auto ready = condition(pod, "Ready");
      reason = ready && ready->status() == "True" ? "Running" : "NotReady";
    }
  }
  if (!pod.metadata().has_deletion_timestamp()) return reason;
  if (pod.status().reason() == "NodeLost") return "Unknown";
  return schema::is_over(pod.status().phase()) ? reason : "Terminating";
}

std::string restarts_of(const Pod& pod, int64_t now) {
  int64_t count = 0, last = 0;
  auto add = [&](const ContainerStatus& s) {
    count += s.restart_count();
    last = std::max(last, s.last_state().terminated().finished_at().seconds());
  };
  bool begun = initialized(pod);
  if (begun)
    for (auto& s : pod.status().container_statuses()) add(s);
  for (auto& s : pod.status().init_container_statuses())
    if (!begun || restarts_always(pod, s.name())) add(s);
  auto text = std::to_string(count);
  return count > 0 && last > 0 ? text + " (" + age(last, now) + " ago)" : text;
}

struct pod_cells {
  void operator()(const Pod& pod, int64_t now, json::array& out) const {
    int ready = 0, total = pod.spec().containers_size();
    for (auto& c : pod.spec().init_containers()) total += c.restart_policy() == "Always";
    if (initialized(pod))
      for (auto& s : pod.status().container_statuses())
        ready += s.ready() && s.state().has_running();
    for (auto& s : pod.status().init_container_statuses())
      ready += restarts_always(pod, s.name()) && s.ready() && s.started();
    auto or_none = [](const std::string& text) {
      return text.empty() ? std::string("<none>") : text;
    };
    int gates = 0, open = 0;
    for (auto& gate : pod.spec().readiness_gates()) {
      ++gates;
      auto c = condition(pod, gate.condition_type());
      open += c && c->status() == "True";
    }
    add(out,
        {std::to_string(ready) + "/" + std::to_string(total), reason_of(pod), restarts_of(pod, now),
         age_of(pod, now), or_none(pod.status().pod_ip()), or_none(pod.spec().node_name()),
         or_none(pod.status().nominated_node_name()),
         gates == 0 ? std::string("<none>") : std::to_string(open) + "/" + std::to_string(gates)});
  }
};

} // namespace

void add_pod_view(views& to) {
  add_view<Pod>(to,
                {"Ready", "Status", "Restarts", "Age", "IP:wide", "Node:wide",
                 "Nominated Node:wide", "Readiness Gates:wide"},
                pod_cells{});
}

} // namespace troupe::codec
