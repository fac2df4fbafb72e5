// Decides what is to be done next for one pod: a state machine over what its author wants and what
// has come of it. Pure: no actor, clock or I/O.
#pragma once

#include "actors/node/pod_record.hpp"

#include <variant>

namespace troupe::node {

// ACTIONS

/// Directories, control group, namespaces, network and shim.
struct prepare_place {
  bool operator==(const prepare_place&) const = default;
};
struct prepare_volumes {
  bool operator==(const prepare_volumes&) const = default;
};
/// Finds or pulls the image for the container's next start.
struct get_image {
  std::string container;
  bool operator==(const get_image&) const = default;
};
/// A pull that failed is told as an error first, then as one that waits for its next try.
struct back_off_image {
  std::string container;
  bool operator==(const back_off_image&) const = default;
};
struct start_container {
  std::string container;
  int attempt = 0;
  bool operator==(const start_container&) const = default;
};
enum class hook : uint8_t { post_start, pre_stop };
struct run_hook {
  std::string container;
  hook which;
  bool operator==(const run_hook&) const = default;
};
/// The container's own stop signal, or SIGKILL.
struct signal_container {
  std::string container;
  bool kill = false;
  bool operator==(const signal_container&) const = default;
};
struct ask_probe {
  std::string container;
  probe_kind kind;
  bool operator==(const ask_probe&) const = default;
};
/// Everything goes but logs and volumes: the pod has come to its end.
struct release_place {
  bool operator==(const release_place&) const = default;
};
/// Everything goes.
struct remove_pod {
  bool operator==(const remove_pod&) const = default;
};
/// The servers may forget the pod.
struct tell_stopped {
  bool operator==(const tell_stopped&) const = default;
};

using pod_action =
    std::variant<prepare_place, prepare_volumes, get_image, back_off_image, start_container,
                 run_hook, signal_container, ask_probe, release_place, remove_pod, tell_stopped>;

/// "start container web"
std::string words_of(const pod_action& action);

struct pod_decision {
  std::vector<pod_action> actions;
  std::optional<moment> wake; ///< when to decide again if nothing happens
};

/// What brings the pod closer to what is wanted. Planning again after begun() of every action
/// returns no action.
pod_decision plan(const Pod& pod, const pod_record& record, moment now);

/// Notes that an action is under way.
void begun(pod_record& record, const pod_action& action, moment now);

// WHAT HAPPENED

/// How long a wait grows, each time it is needed again.
inline constexpr moment backoff_first{10'000}, backoff_max{300'000};
/// A container that ran so long begins with no back-off.
inline constexpr moment backoff_forgotten_after{600'000};
inline constexpr moment retry_first{500}, retry_max{120'000};
/// So long a failed pull is shown as an error, then as a back-off.
inline constexpr moment fresh_image_failure{2'000};
moment next_backoff(moment before);
/// The wait after so many failures in a row.
moment retry_after(int failures);

/// The pod's author wants something else: it is to go, it has more containers, its grace changed.
void note_wanted(pod_record& record, const Pod& pod, moment now);
/// The servers do not know the pod any more.
void note_gone(pod_record& record, moment now);
void note_running(container_record& c, timestamp wall, moment now);
void note_ended(container_record& c, ending how, moment now);
/// It could not be started for a reason that lies in its description: it waits.
void note_config_error(container_record& c, const std::string& reason, const std::string& message,
                       moment now);
void note_image(container_record& c, const std::string& name, const std::string& id);
void note_image_failure(container_record& c, const std::string& reason, const std::string& message,
                        moment now);
void note_probe(container_record& c, probe_kind kind, const k8s::core::v1::Probe& of, bool success,
                const std::string& output, moment now);
/// A container is to end (a failed probe, a failed hook) and may be restarted afterwards.
void note_stopping(container_record& c, const std::string& why, moment grace, moment now);
/// The node gives the pod up.
void note_failed(pod_record& record, const std::string& reason, const std::string& message,
                 moment now, std::optional<moment> grace = {});

// QUESTIONS

/// Its startup probe and its postStart hook are behind it.
bool has_started(const Container& spec, const container_record& c);
bool is_ready(const Container& spec, const container_record& c);
/// Whether an ended container is to run again.
bool wants_restart(const Pod& pod, const Container& spec, const container_record& c);
/// Every init container has done its work and every sidecar runs.
bool is_initialized(const Pod& pod, const pod_record& record);
/// No container runs, or will run again.
bool is_finished(const Pod& pod, const pod_record& record);
/// Whether any of its containers' processes may be there.
bool is_alive(const pod_record& record);

} // namespace troupe::node
