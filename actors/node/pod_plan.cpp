#include "actors/node/pod_plan.hpp"

#include "messages/base/span.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

using k8s::core::v1::Probe;

/// The actions of one decision, and the soonest moment of those still to come.
struct planner {
  const Pod& pod;
  const pod_record& record;
  moment now;
  pod_decision out;

  moment first_kill_at() const {
    return (record.ending ? record.ending_since : now) + record.grace;
  }

  template<class Action> void act(Action a) { out.actions.emplace_back(std::move(a)); }

  /// True if the moment has come; else it is remembered.
  bool due(moment when) {
    if (when <= now) return true;
    if (!out.wake || when < *out.wake) out.wake = when;
    return false;
  }

  void run();
  void prepare();
  void run_containers();
  void start(const Container& spec, const container_record& c);
  void watch(const Container& spec, const container_record& c);
  void stop(const Container& spec, const container_record& c);
  void end();
  void clear_away();
};

const Probe* probe_of(const Container& spec, probe_kind kind) {
  if (kind == probe_kind::startup)
    return spec.has_startup_probe() ? &spec.startup_probe() : nullptr;
  if (kind == probe_kind::liveness)
    return spec.has_liveness_probe() ? &spec.liveness_probe() : nullptr;
  return spec.has_readiness_probe() ? &spec.readiness_probe() : nullptr;
}

/// What a process gets when the hook before its end has used up the pod's time.
constexpr moment last_moment{2'000};

/// Nobody who is being stopped may take longer than the pod as a whole.
void limit_kill_times(pod_record& record) {
  for (auto& c : record.containers)
    if (c.stopping && !c.last_moment)
      c.kill_at = std::min(c.kill_at, record.ending_since + record.grace);
}

bool succeeded(const container_record& c) { return c.ended() && c.end && c.end->exit_code == 0; }

/// Whether those in front of it allow the container to start.
bool may_start(const Pod& pod, const pod_record& record, const container_record& c) {
  if (c.role == role::ephemeral) return true;
  for (auto& other : record.containers) {
    if (&other == &c) return true;
    auto spec = container_of(pod, other.name);
    if (!spec) continue;
    if (other.role == role::init && !succeeded(other)) return false;
    if (other.role == role::sidecar && !has_started(*spec, other) && !other.ended()) return false;
    // A hook holds up the containers behind it, as authors rely on.
    if (other.role == role::main && spec->lifecycle().has_post_start() &&
        (other.is == container_record::state::starting ||
         (other.is == container_record::state::waiting && other.waiting_reason.empty()) ||
         (other.running() && other.post_start != progress::done)))
      return false;
  }
  return true;
}

void planner::run() {
  if (record.ending || is_finished(pod, record)) return end();
  if (auto seconds = pod.spec().active_deadline_seconds(); seconds > 0)
    due(record.started + span_of(seconds)); // note_wanted() draws the consequence
  prepare();
  if (record.place == progress::done && record.volumes == progress::done) run_containers();
}

void planner::prepare() {
  auto again = [&](progress p, moment retry) {
    return p == progress::none || (p == progress::failed && due(retry));
  };
  if (again(record.place, record.place_retry)) act(prepare_place{});
  if (again(record.volumes, record.volumes_retry)) act(prepare_volumes{});
}

void planner::run_containers() {
  for (auto& c : record.containers) {
    auto spec = container_of(pod, c.name);
    if (!spec) continue;
    if (c.running())
      watch(*spec, c);
    else if (c.is != container_record::state::starting && may_start(pod, record, c))
      start(*spec, c);
  }
}

void planner::start(const Container& spec, const container_record& c) {
  if (c.ended()) {
    if (c.role == role::init && succeeded(c)) return;
    if (!wants_restart(pod, spec, c)) return;
    if (!due(c.ended_at + c.backoff)) return;
  }
  if (c.image == progress::none || (c.image == progress::failed && due(c.image_retry)))
    return act(get_image{c.name});
  if (c.image == progress::failed && c.waiting_reason == "ErrImagePull" &&
      due(c.image_failed_at + fresh_image_failure))
    return act(back_off_image{c.name});
  if (c.image != progress::done || !due(c.start_retry)) return;
  act(start_container{c.name, c.attempt + 1});
}

void planner::watch(const Container& spec, const container_record& c) {
  if (c.stopping) return stop(spec, c);
  if (spec.lifecycle().has_post_start()) {
    if (c.post_start == progress::none) return act(run_hook{c.name, hook::post_start});
    if (c.post_start != progress::done) return;
  }
  for (auto kind : {probe_kind::startup, probe_kind::liveness, probe_kind::readiness}) {
    auto probe = probe_of(spec, kind);
    if (!probe) continue;
    auto& p = c.probe(kind);
    if (kind == probe_kind::startup && p.passed) continue;
    auto first = c.started + std::chrono::seconds(probe->initial_delay_seconds());
    if (!p.running && due(std::max(first, p.next))) act(ask_probe{c.name, kind});
    if (kind == probe_kind::startup) return; // the others wait for it
  }
}

void planner::stop(const Container& spec, const container_record& c) {
  if (c.killed) return;
  bool hooked = spec.lifecycle().has_pre_stop() && c.post_start != progress::under_way;
  bool late = due(c.stopping ? c.kill_at : first_kill_at());
  // A hook that took all the time leaves the process a last moment (see begun()).
  if (late)
    return act(signal_container{c.name, !hooked || c.pre_stop == progress::none || c.signaled});
  if (hooked && c.pre_stop == progress::none) return act(run_hook{c.name, hook::pre_stop});
  if (hooked && c.pre_stop == progress::under_way) return;
  if (!c.signaled) act(signal_container{c.name, false});
}

void planner::end() {
  auto there = [](auto& c) { return c.running() || c.is == container_record::state::starting; };
  auto stop_one = [&](auto& c) {
    auto spec = container_of(pod, c.name);
    if (c.running()) stop(spec ? *spec : Container{}, c);
  };
  bool others = false;
  for (auto& c : record.containers) {
    if (c.role == role::sidecar || !there(c)) continue;
    others = true;
    stop_one(c);
  }
  if (others) return;
  // Sidecars serve the others to their end, and go one after the other, the last first.
  for (auto c = record.containers.rbegin(); c != record.containers.rend(); ++c)
    if (c->role == role::sidecar && there(*c)) return stop_one(*c);
  clear_away();
}

void planner::clear_away() {
  bool for_good = pod.metadata().has_deletion_timestamp() || record.gone_from_servers;
  auto busy = [](progress p) { return p == progress::under_way; };
  if (busy(record.place) || busy(record.volumes) || busy(record.release)) return;
  if (!for_good) {
    if (record.release == progress::none) act(release_place{});
    return;
  }
  if (record.removal == progress::none ||
      (record.removal == progress::failed && due(record.removal_retry)))
    return act(remove_pod{});
  if (record.removal == progress::done && !record.stopped_told) act(tell_stopped{});
}

} // namespace

std::string words_of(const pod_action& action) {
  struct speaker {
    std::string operator()(const prepare_place&) { return "a place"; }
    std::string operator()(const prepare_volumes&) { return "volumes"; }
    std::string operator()(const get_image& a) { return "the image of " + a.container; }
    std::string operator()(const back_off_image& a) {
      return "a wait for the image of " + a.container;
    }
    std::string operator()(const start_container& a) {
      return "a start of " + a.container + ", number " + std::to_string(a.attempt);
    }
    std::string operator()(const run_hook& a) {
      return (a.which == hook::post_start ? "postStart of " : "preStop of ") + a.container;
    }
    std::string operator()(const signal_container& a) {
      return (a.kill ? "a kill of " : "a stop of ") + a.container;
    }
    std::string operator()(const ask_probe& a) {
      static constexpr const char* kinds[probe_kinds] = {"startup", "liveness", "readiness"};
      return std::string("a ") + kinds[static_cast<size_t>(a.kind)] + " probe of " + a.container;
    }
    std::string operator()(const release_place&) { return "the place's release"; }
    std::string operator()(const remove_pod&) { return "its removal"; }
    std::string operator()(const tell_stopped&) { return "its end to be told"; }
  };
  return std::visit(speaker{}, action);
}

pod_decision plan(const Pod& pod, const pod_record& record, moment now) {
  planner p{pod, record, now, {}};
  p.run();
  return std::move(p.out);
}

void begun(pod_record& record, const pod_action& action, moment now) {
  if (std::get_if<prepare_place>(&action)) record.place = progress::under_way;
  if (std::get_if<prepare_volumes>(&action)) record.volumes = progress::under_way;
  if (std::get_if<release_place>(&action)) record.release = progress::under_way;
  if (std::get_if<remove_pod>(&action)) record.removal = progress::under_way;
  if (std::get_if<tell_stopped>(&action)) record.stopped_told = true;
  if (auto a = std::get_if<get_image>(&action))
    record.find(a->container)->image = progress::under_way;
  if (auto a = std::get_if<back_off_image>(&action))
    record.find(a->container)->waiting_reason = "ImagePullBackOff";
  if (auto a = std::get_if<start_container>(&action)) {
    auto& c = *record.find(a->container);
    if (c.end) {
      c.backoff = next_backoff(c.backoff);
      c.last_end = std::exchange(c.end, std::nullopt);
    }
    c.is = container_record::state::starting; // why it has waited is shown until it runs
    c.attempt = a->attempt;
    c.stopping = c.signaled = c.killed = c.last_moment = false;
    c.stop_reason = {};
    c.post_start = c.pre_stop = progress::none;
    c.probes = {};
  }
  if (auto a = std::get_if<run_hook>(&action)) {
    auto& c = *record.find(a->container);
    (a->which == hook::post_start ? c.post_start : c.pre_stop) = progress::under_way;
  }
  if (auto a = std::get_if<signal_container>(&action)) {
    auto& c = *record.find(a->container);
    c.signaled = true;
    c.killed = c.killed || a->kill;
  }
  if (auto a = std::get_if<ask_probe>(&action))
    record.find(a->container)->probe(a->kind).running = true;
  auto signal = std::get_if<signal_container>(&action);
  auto hooked = std::get_if<run_hook>(&action);
  if (!signal && (!hooked || hooked->which != hook::pre_stop)) return;
  auto& c = *record.find(signal ? signal->container : hooked->container);
  if (!c.stopping) {
    c.stopping = true;
    c.kill_at = (record.ending ? record.ending_since : now) + record.grace;
  }
  if (signal && !signal->kill && now >= c.kill_at) {
    c.last_moment = true;
    c.kill_at = now + last_moment;
  }
}

moment next_backoff(moment before) {
  return before == moment{} ? backoff_first : std::min(before * 2, backoff_max);
}

moment retry_after(int failures) {
  return std::min(retry_max, retry_first * (1 << std::clamp(failures - 1, 0, 10)));
}

void note_wanted(pod_record& record, const Pod& pod, moment now) {
  take_in_containers(record, pod);
  auto seconds = pod.spec().active_deadline_seconds();
  if (seconds > 0 && !record.ending && !is_finished(pod, record) &&
      now >= record.started + span_of(seconds))
    note_failed(record, "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline", now);
  if (!record.ending || !record.failed_reason.empty())
    record.grace =
        record.failed_grace.value_or(span_of(pod.spec().termination_grace_period_seconds()));
  if (!pod.metadata().has_deletion_timestamp()) return;
  moment grace = span_of(pod.metadata().deletion_grace_period_seconds());
  if (!record.ending) {
    record.ending = true;
    record.ending_since = now;
    record.grace = grace;
  } else if (grace < record.grace || !record.failed_reason.empty()) {
    record.grace = grace; // asked again, with less patience
  }
  limit_kill_times(record);
}

void note_gone(pod_record& record, moment now) {
  constexpr moment patience{2'000}; // nobody waits for it, but it may tidy up
  record.gone_from_servers = true;
  if (!record.ending) record.ending_since = now;
  record.grace =
      std::min(record.ending ? record.grace : patience, now - record.ending_since + patience);
  record.ending = true;
  limit_kill_times(record);
}

void note_running(container_record& c, timestamp wall, moment now) {
  c.is = container_record::state::running;
  c.waiting_reason = c.waiting_message = {};
  c.started_at = wall;
  c.started = now;
  c.start_failures = 0;
}

void note_ended(container_record& c, ending how, moment now) {
  if (c.started != moment{} && now - c.started >= backoff_forgotten_after) c.backoff = {};
  c.is = container_record::state::ended;
  c.waiting_reason = c.waiting_message = {};
  c.end = std::move(how);
  c.ended_at = now;
  c.image = progress::none; // looked for again: it may have been removed, or be pulled always
  c.probes = {};
}

void note_config_error(container_record& c, const std::string& reason, const std::string& message,
                       moment now) {
  c.is = c.last_end && !c.end ? container_record::state::waiting : c.is;
  if (c.is == container_record::state::starting) c.is = container_record::state::waiting;
  --c.attempt; // it was none
  c.waiting_reason = reason;
  c.waiting_message = message;
  c.start_retry = now + retry_after(std::max(4, ++c.start_failures));
}

void note_image(container_record& c, const std::string& name, const std::string& id) {
  c.image = progress::done;
  c.image_name = name;
  c.image_id = id;
  c.image_failures = 0;
  if (c.is == container_record::state::waiting) c.waiting_reason = c.waiting_message = {};
}

void note_image_failure(container_record& c, const std::string& reason, const std::string& message,
                        moment now) {
  c.image = progress::failed;
  moment wait = backoff_first;
  for (int i = 0; i < std::min(c.image_failures, 6); ++i) wait = next_backoff(wait);
  ++c.image_failures;
  c.image_failed_at = now;
  c.image_retry = now + wait;
  c.waiting_reason = reason;
  c.waiting_message = message;
}

void note_probe(container_record& c, probe_kind kind, const Probe& of, bool success,
                const std::string& output, moment now) {
  auto& p = c.probe(kind);
  p.running = false;
  p.next = now + std::chrono::seconds(std::max(1, of.period_seconds()));
  if (success) {
    p.failures = 0;
    p.output = {};
    if (++p.successes >= std::max(1, of.success_threshold())) {
      p.passed = true;
      p.failed = false;
    }
  } else {
    p.successes = 0;
    p.output = output;
    if (++p.failures >= std::max(1, of.failure_threshold())) {
      p.passed = false;
      p.failed = true;
    }
  }
}

void note_stopping(container_record& c, const std::string& why, moment grace, moment now) {
  if (c.stopping) return;
  c.stopping = true;
  c.stop_reason = why;
  c.kill_at = now + grace;
}

void note_failed(pod_record& record, const std::string& reason, const std::string& message,
                 moment now, std::optional<moment> grace) {
  if (record.ending) return;
  record.failed_grace = grace;
  if (grace) record.grace = *grace;
  record.failed_reason = reason;
  record.failed_message = message;
  record.ending = true;
  record.ending_since = now;
}

bool has_started(const Container& spec, const container_record& c) {
  if (!c.running()) return false;
  if (spec.lifecycle().has_post_start() && c.post_start != progress::done) return false;
  return !spec.has_startup_probe() || c.probe(probe_kind::startup).passed;
}

bool is_ready(const Container& spec, const container_record& c) {
  if (c.role == role::init) return succeeded(c);
  if (!has_started(spec, c)) return false;
  return !spec.has_readiness_probe() || c.probe(probe_kind::readiness).passed;
}

bool wants_restart(const Pod& pod, const Container& spec, const container_record& c) {
  if (c.role == role::ephemeral) return false;
  if (c.role == role::sidecar) return true;
  int code = c.end ? c.end->exit_code : 0;
  for (auto& rule : spec.restart_policy_rules()) {
    auto& values = rule.exit_codes().values();
    bool named = std::find(values.begin(), values.end(), code) != values.end();
    if (named == (rule.exit_codes().operator_() == "In")) return rule.action() == "Restart";
  }
  auto policy = spec.restart_policy().empty() ? pod.spec().restart_policy() : spec.restart_policy();
  if (c.role == role::init) return code != 0 && policy != "Never";
  return policy == "Always" || (policy == "OnFailure" && code != 0) || policy.empty();
}

bool is_initialized(const Pod& pod, const pod_record& record) {
  for (auto& c : record.containers) {
    if (c.role == role::init && !succeeded(c)) return false;
    if (c.role != role::sidecar) continue;
    auto spec = container_of(pod, c.name);
    // A sidecar that has run once does not make the pod uninitialized when it is restarted.
    if (spec && !has_started(*spec, c) && c.attempt < 1 && !c.ended()) return false;
  }
  return true;
}

bool is_finished(const Pod& pod, const pod_record& record) {
  bool all_ended = true;
  for (auto& c : record.containers) {
    auto spec = container_of(pod, c.name);
    if (!spec) continue;
    bool over = c.ended() && !wants_restart(pod, *spec, c);
    if (c.role == role::init && over && c.end && c.end->exit_code != 0) return true;
    if (c.role == role::main) all_ended = all_ended && over;
  }
  return all_ended;
}

bool is_alive(const pod_record& record) {
  return std::any_of(record.containers.begin(), record.containers.end(), [](auto& c) {
    return c.running() || c.is == container_record::state::starting;
  });
}

} // namespace troupe::node
