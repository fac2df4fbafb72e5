#include "actors/node/pod_status.hpp"

#include "actors/node/pod_plan.hpp"
#include "messages/schema/pod_phase.hpp"
#include "messages/schema/qos.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

using k8s::core::v1::ContainerState;
using k8s::core::v1::ContainerStatus;
using k8s::core::v1::PodStatus;

constexpr const char* scheme = "troupe://"; ///< in front of container ids

void set_time(k8s::meta::v1::Time* to, timestamp from) { to->set_seconds(from.seconds); }

void show(ContainerState& to, const ending& e) {
  auto& t = *to.mutable_terminated();
  t.set_exit_code(e.exit_code);
  if (e.signal) t.set_signal(e.signal);
  t.set_reason(e.reason);
  if (!e.message.empty()) t.set_message(e.message);
  if (e.started.seconds) set_time(t.mutable_started_at(), e.started);
  if (e.finished.seconds) set_time(t.mutable_finished_at(), e.finished);
  if (!e.container_id.empty()) t.set_container_id(scheme + e.container_id);
}

std::string seconds_text(moment m) {
  auto s = m.count() / 1000;
  return s >= 60 ? std::to_string(s / 60) + "m" + std::to_string(s % 60) + "s"
                 : std::to_string(s) + "s";
}

struct shower {
  const Pod& pod;
  const pod_record& record;
  moment now;
  bool initialized;

  void waiting(ContainerStatus& to, const std::string& reason, const std::string& message) const {
    auto& w = *to.mutable_state()->mutable_waiting();
    w.set_reason(reason);
    if (!message.empty()) w.set_message(message);
  }

  void show_waiting(ContainerStatus& to, const Container& spec, const container_record& c) const {
    if (c.last_end) show(*to.mutable_last_state(), *c.last_end);
    if (c.waiting_reason == "ImagePullBackOff")
      return waiting(to, c.waiting_reason,
                     "Back-off pulling image \"" + spec.image() +
                         "\": ErrImagePull: " + c.waiting_message);
    if (!c.waiting_reason.empty()) return waiting(to, c.waiting_reason, c.waiting_message);
    bool has_init = pod.spec().init_containers_size() > 0;

    waiting(to, has_init ? "PodInitializing" : "ContainerCreating", {});
  }

  /// It has ended and will be started again, but not yet.
  void show_backoff(ContainerStatus& to, const container_record& c) const {
    show(*to.mutable_last_state(), *c.end);
    waiting(to, "CrashLoopBackOff",
            "back-off " + seconds_text(c.backoff) + " restarting failed container=" + c.name +
                " pod=" + pod.metadata().name() + "_" + pod.metadata().namespace_() + "(" +
                pod.metadata().uid() + ")");
  }

  ContainerStatus one(const Container& spec, const container_record& c) const {
    ContainerStatus out;
    out.set_name(c.name);
    out.mutable_state();
    out.mutable_last_state();
    out.set_image(c.image_name.empty() ? spec.image() : c.image_name);
    out.set_image_id(c.image_id);
    out.set_restart_count(std::max(0, c.attempt));
    if (!c.container_id.empty()) out.set_container_id(scheme + c.container_id);
    out.set_ready(is_ready(spec, c));
    bool hook_runs = spec.lifecycle().has_post_start() && c.post_start != progress::done;
    if (c.running() && !hook_runs) {
      set_time(out.mutable_state()->mutable_running()->mutable_started_at(), c.started_at);
      if (c.last_end) show(*out.mutable_last_state(), *c.last_end);
    } else if (c.ended() && c.end) {
      bool again = !record.ending && !is_finished(pod, record) && wants_restart(pod, spec, c);
      if (again && c.backoff != moment{}) {
        show_backoff(out, c);
      } else {
        show(*out.mutable_state(), *c.end);
        if (c.last_end) show(*out.mutable_last_state(), *c.last_end);
      }
    } else {
      show_waiting(out, spec, c);
    }
    if (c.role != role::ephemeral)
      out.set_started(c.role == role::init ? c.running() : has_started(spec, c));
    if (!spec.resources().limits().empty() || !spec.resources().requests().empty()) {
      *out.mutable_resources() = spec.resources();
      *out.mutable_allocated_resources() = spec.resources().requests();
    }
    for (auto& m : spec.volume_mounts()) {
      auto& shown = *out.add_volume_mounts();
      shown.set_name(m.name());
      shown.set_mount_path(m.mount_path());
      if (m.read_only()) {
        shown.set_read_only(true);
        shown.set_recursive_read_only("Disabled");
      }
    }
    if (c.attempt >= 0 && c.role != role::ephemeral && !c.container_id.empty()) {
      auto& user = *out.mutable_user()->mutable_linux();
      user.set_uid(c.uid);
      user.set_gid(c.gid);
      for (auto g : c.groups) user.add_supplemental_groups(g);
    }
    return out;
  }
};

std::string phase_of(const Pod& pod, const pod_record& record) {
  bool alive = is_alive(record);
  if (!record.failed_reason.empty() && !alive) return "Failed";
  bool going = record.ending && !alive; // nothing will be restarted
  bool initialized = true, all_succeeded = true, any_started = false, any_waits = false,
       any_again = false;
  for (auto& c : record.containers) {
    auto spec = container_of(pod, c.name);
    if (!spec || c.role == role::ephemeral) continue;
    bool again = c.ended() && wants_restart(pod, *spec, c) && !going;
    if (c.role == role::init || c.role == role::sidecar) {
      if (c.role == role::init && c.ended() && c.end && c.end->exit_code != 0 && !again)
        return "Failed";
      if (c.role == role::init && !(c.ended() && c.end && c.end->exit_code == 0))
        initialized = false;
      continue;
    }
    if (c.ended()) {
      any_started = true;
      any_again = any_again || again;
      all_succeeded = all_succeeded && c.end && c.end->exit_code == 0;
    } else if (c.running() || c.attempt > 0 || c.last_end) {
      any_started = any_again = true;
    } else {
      any_waits = true;
    }
  }
  if (going && any_waits) return "Failed"; // it never ran, and will not
  if (!initialized || (any_waits && !going)) return "Pending";
  if (any_again || alive) return any_started ? "Running" : "Pending";
  return all_succeeded ? "Succeeded" : "Failed";
}

std::string names_text(const std::vector<std::string>& names) {
  std::string out = "[";
  for (auto& n : names) out.append(out.size() > 1 ? " " : "").append(n);
  return out + "]";
}

void condition(PodStatus& to, const Pod& pod, const char* type, bool good,
               const std::string& reason = {}, const std::string& message = {}) {
  auto& c = *to.add_conditions();
  c.set_type(type);
  c.set_status(good ? "True" : "False");
  if (!reason.empty()) c.set_reason(reason);
  if (!message.empty()) c.set_message(message);
  if (pod.metadata().generation()) c.set_observed_generation(pod.metadata().generation());
}

void show_conditions(PodStatus& to, const Pod& pod, const pod_record& record, bool initialized) {
  bool over = schema::is_over(to.phase());
  std::string over_reason = to.phase() == "Succeeded" ? "PodCompleted" : "PodFailed";
  std::vector<std::string> uninitialized, unready;
  for (auto& c : record.containers) {
    auto spec = container_of(pod, c.name);
    if (!spec || c.role == role::ephemeral) continue;
    if (c.role == role::main || c.role == role::sidecar) {
      if (!is_ready(*spec, c)) unready.push_back(c.name);
    }
    if ((c.role == role::init && !is_ready(*spec, c)) ||
        (c.role == role::sidecar && !has_started(*spec, c)))
      uninitialized.push_back(c.name);
  }
  condition(to, pod, "PodReadyToStartContainers",
            record.place == progress::done && record.release == progress::none &&
                record.removal == progress::none);
  if (over && to.phase() == "Succeeded")
    condition(to, pod, "Initialized", true, "PodCompleted");
  else
    condition(to, pod, "Initialized", initialized, initialized ? "" : "ContainersNotInitialized",
              initialized ? "" : "containers with incomplete status: " + names_text(uninitialized));
  std::string reason, message;
  if (over)
    reason = over_reason;
  else if (!unready.empty()) {
    reason = "ContainersNotReady";
    message = "containers with unready status: " + names_text(unready);
  }
  bool ready = reason.empty();
  condition(to, pod, "ContainersReady", ready, reason, message);
  if (ready) {
    for (auto& gate : pod.spec().readiness_gates()) {
      auto& all = pod.status().conditions();
      auto hit = std::find_if(all.begin(), all.end(),
                              [&](auto& c) { return c.type() == gate.condition_type(); });
      if (hit != all.end() && hit->status() == "True") continue;
      reason = "ReadinessGatesNotReady";
      message += message.empty() ? "" : ", ";
      message += hit == all.end() ? "corresponding condition of pod readiness gate \"" +
                                        gate.condition_type() + "\" does not exist."
                                  : "the status of pod readiness gate \"" + gate.condition_type() +
                                        "\" is not \"True\", but " + hit->status();
    }
    ready = reason.empty();
  }
  condition(to, pod, "Ready", ready, reason, message);
}

} // namespace

PodStatus status_of(const Pod& pod, const pod_record& record, const std::string& node_ip,
                    moment now) {
  PodStatus out;
  out.set_phase(phase_of(pod, record));
  out.set_qos_class(schema::qos_class(pod.spec()));
  if (!record.failed_reason.empty()) {
    out.set_reason(record.failed_reason);
    out.set_message(record.failed_message);
  }
  if (record.start_time) set_time(out.mutable_start_time(), *record.start_time);
  if (!node_ip.empty()) {
    out.set_host_ip(node_ip);
    out.add_host_ips()->set_ip(node_ip);
  }
  auto ips = record.ips;
  if (pod.spec().host_network() && ips.empty() && !node_ip.empty()) ips.push_back(node_ip);
  if (!ips.empty()) out.set_pod_ip(ips.front());
  for (auto& ip : ips) out.add_pod_ips()->set_ip(ip);
  if (pod.metadata().generation()) out.set_observed_generation(pod.metadata().generation());
  bool initialized = is_initialized(pod, record);
  shower show{pod, record, now, initialized};
  for (auto& c : record.containers) {
    auto spec = container_of(pod, c.name);
    if (!spec) continue;
    auto* list = c.role == role::main        ? out.mutable_container_statuses()
                 : c.role == role::ephemeral ? out.mutable_ephemeral_container_statuses()
                                             : out.mutable_init_container_statuses();
    *list->Add() = show.one(*spec, c);
  }
  show_conditions(out, pod, record, initialized);
  if (record.failed_reason == "Evicted")
    condition(out, pod, "DisruptionTarget", true, "TerminationByKubelet", record.failed_message);
  return out;
}

} // namespace troupe::node
