#include "actors/node/hollow_pod.hpp"

#include "actors/node/shown_status.hpp"
#include "messages/base/span.hpp"
#include "messages/schema/pod_phase.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

using namespace k8s::core::v1;
using std::chrono::nanoseconds;

constexpr std::chrono::seconds back_off_first{1};
constexpr std::chrono::seconds back_off_max{300};

std::optional<std::string> wish(const Pod& pod, const std::string& name) {
  auto& all = pod.metadata().annotations();
  auto hit = all.find("hollow.troupe.dev/" + name);
  if (hit == all.end()) return {};
  return hit->second;
}

std::optional<nanoseconds> duration(const Pod& pod, const std::string& name) {
  auto text = wish(pod, name);
  if (!text) return {};
  auto parsed = parse_duration(*text);
  if (!parsed || *parsed < nanoseconds{0}) return {};
  return *parsed;
}

void add_condition(PodStatus& status, const char* type, bool holds, const char* reason = "") {
  auto& c = *status.add_conditions();
  c.set_type(type);
  c.set_status(holds ? "True" : "False");
  if (*reason) c.set_reason(reason);
}

} // namespace

hollow_pod::hollow_pod(const Pod& pod, const hollow_manners& manners, std::string address,
                       std::string host_address, moment now, uint64_t chance)
    : ns_{pod.metadata().namespace_()}, name_{pod.metadata().name()}, uid_{pod.metadata().uid()},
      address_{pod.spec().host_network() ? host_address : std::move(address)},
      host_address_{std::move(host_address)},
      start_delay_{duration(pod, "start-delay").value_or(manners.start_delay)},
      stop_delay_{duration(pod, "stop-delay").value_or(manners.stop_delay)}, run_time_{duration(
                                                                                 pod, "run-time")} {
  if (auto code = wish(pod, "exit-code")) exit_code_ = atoi(code->c_str());
  ready_ = wish(pod, "ready").value_or("true") != "false";
  if (chance % 1'000 < manners.failures_per_thousand) {
    run_time_ = nanoseconds{0};
    exit_code_ = 1;
  }
  restart_policy_ = pod.spec().restart_policy();
  for (auto& c : pod.spec().init_containers())
    containers_.push_back({c.name(), c.image(), true, c.restart_policy() == "Always"});
  for (auto& c : pod.spec().containers()) containers_.push_back({c.name(), c.image(), false, true});
  containers_.shrink_to_fit();
  due_ = now + start_delay_;
  // Adopted: it ran before this agent did.
  auto& before = pod.status();
  auto& phase = before.phase();
  for (auto& c : before.container_statuses()) restarts_ = std::max(restarts_, c.restart_count());
  accepted_ = {before.start_time().seconds(), 0};
  if (phase == "Running") due_ = now;
  if (schema::is_over(phase)) {
    at_ = state::over;
    due_.reset();
    exit_code_ = phase == "Failed" ? std::max(exit_code_, 1) : 0;
  }
  told(pod, now);
}

void hollow_pod::told(const Pod& pod, moment now) {
  if (!pod.metadata().has_deletion_timestamp() || at_ >= state::going) return;
  at_ = at_ == state::over ? state::going : at_;
  auto grace = nanoseconds{span_of(pod.metadata().deletion_grace_period_seconds())};
  due_ = now + std::min(stop_delay_, grace);
  at_ = state::going;
}

bool hollow_pod::misjudged(const Pod& shown) const {
  return at_ == state::running && !agree(status(), shown.status());
}

void hollow_pod::end(timestamp wall) {
  ended_ = wall;
  bool again = restart_policy_ == "Always" || (restart_policy_ == "OnFailure" && exit_code_ != 0);
  at_ = again ? state::waiting : state::over;
}

bool hollow_pod::advance(moment now, timestamp wall) {
  if (!due_ || *due_ > now) return false;
  auto then = *due_;
  due_.reset();
  switch (at_) {
  case state::waiting: ++restarts_; [[fallthrough]];
  case state::starting:
    at_ = state::running;
    started_ = wall;
    if (accepted_.seconds == 0) accepted_ = wall;
    if (run_time_) due_ = then + *run_time_;
    return true;
  case state::running:
    end(wall);
    if (at_ == state::waiting)
      due_ = then +
             std::min<nanoseconds>(back_off_first * (1 << std::min(restarts_, 10)), back_off_max);
    return true;
  case state::going: at_ = state::stopped; return true;
  case state::over:
  case state::stopped: return false;
  }
  return false;
}

PodStatus hollow_pod::status() const {
  PodStatus out;
  bool running = at_ == state::running || (at_ == state::going && started_.seconds != 0);
  bool over = at_ == state::over || at_ == state::waiting;
  bool began = running || over;
  bool ready = at_ == state::running && ready_;
  bool final = at_ == state::over;
  out.set_phase(final ? exit_code_ == 0 ? "Succeeded" : "Failed" : began ? "Running" : "Pending");
  add_condition(out, "PodReadyToStartContainers", began && !final);
  add_condition(out, "Initialized", began, final && exit_code_ == 0 ? "PodCompleted" : "");
  auto reason = ready ? "" : final && exit_code_ == 0 ? "PodCompleted" : "ContainersNotReady";
  add_condition(out, "Ready", ready, reason);
  add_condition(out, "ContainersReady", ready, reason);
  out.set_host_ip(host_address_);
  out.add_host_ips()->set_ip(host_address_);
  if (accepted_.seconds != 0) out.mutable_start_time()->set_seconds(accepted_.seconds);
  if (began) {
    out.set_pod_ip(address_);
    out.add_pod_ips()->set_ip(address_);
  }
  for (auto& c : containers_) {
    auto& s = c.init ? *out.add_init_container_statuses() : *out.add_container_statuses();
    bool stays = c.stays;
    s.set_name(c.name);
    s.set_image(c.image);
    s.set_image_id(began ? "hollow://" + c.image : "");
    s.set_restart_count(stays ? restarts_ : 0);
    s.set_ready(stays ? ready : began);
    s.set_started(stays && running);
    if (began) s.set_container_id("hollow://" + uid_ + "/" + c.name);
    auto& state = *s.mutable_state();
    if (!began) {
      state.mutable_waiting()->set_reason("ContainerCreating");
    } else if (stays && running) {
      state.mutable_running()->mutable_started_at()->set_seconds(started_.seconds);
    } else if (stays && at_ == state::waiting) {
      state.mutable_waiting()->set_reason("CrashLoopBackOff");
    } else {
      auto& t = *state.mutable_terminated();
      auto code = stays ? exit_code_ : 0;
      t.set_exit_code(code);
      t.set_reason(code == 0 ? "Completed" : "Error");
      t.mutable_started_at()->set_seconds(started_.seconds);
      t.mutable_finished_at()->set_seconds(over ? ended_.seconds : started_.seconds);
      t.set_container_id(s.container_id());
    }
  }
  return out;
}

} // namespace troupe::node
