#include "actors/node/pod.hpp"

#include "actors/insight/trace_words.hpp"
#include "actors/node/events.hpp"
#include "actors/node/images/pull.hpp"
#include "actors/node/pod_status.hpp"
#include "actors/node/shown_status.hpp"
#include "messages/base/log.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

/// How often a pod's use of disk is looked at, and how much rarer if looking takes long.
constexpr moment disk_look_every{10'000};
constexpr int disk_look_rest = 20; ///< times as long as the look took
constexpr moment eviction_grace{1'000};

constexpr int rounds_max = 64; ///< of deciding in one step: more would be a circle

cluster::Report pod_report(const Pod& pod, const std::string& status) {
  cluster::Report out;
  out.mutable_pod()->set_namespace_(pod.metadata().namespace_());
  out.mutable_pod()->set_name(pod.metadata().name());
  out.mutable_pod()->set_uid(pod.metadata().uid());
  out.mutable_pod()->set_status(status);
  return out;
}

} // namespace

void pod_inbox::put(std::function<void(pod_state&)> what) {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  waiting_.push_back(std::move(what));
  if (waiting_.size() == 1) caf::anon_send(to_, resync_atom_v);
}

std::vector<std::function<void(pod_state&)>> pod_inbox::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

void pod_inbox::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  waiting_.clear();
  to_ = nullptr;
}

pod_state::pod_state(pod_actor::pointer self, context_ptr with, std::shared_ptr<const Pod> pod)
    : self_{self}, with_{std::move(with)}, pod_{std::move(pod)}, inbox_{std::make_shared<pod_inbox>(
                                                                     pod_actor{self})} {
  record_ = begin_record(*pod_, now());
  disk_limits_ = disk_limits_of(*pod_);
  if (pod_->status().has_start_time())
    record_.start_time = timestamp{pod_->status().start_time().seconds(), 0};
  else
    record_.start_time = wall();
  // A deadline counts from the first start, also after a restart of this process.
  record_.started = now() - std::chrono::seconds(
                                std::max<int64_t>(0, wall().seconds - record_.start_time->seconds));
  if (auto sysctl = forbidden_sysctl(*pod_, with_->machine.unsafe_sysctls); !sysctl.empty())
    note_failed(record_, "SysctlForbidden",
                "Pod was rejected: forbidden sysctl: \"" + sysctl + "\" not allowlisted", now());
}

moment pod_state::now() const {
  return std::chrono::duration_cast<moment>(self_->clock().now().time_since_epoch());
}

void pod_state::told() {
  auto& m = pod_->metadata();
  bool own = is_static(*pod_);
  auto found = own ? with_->manifests.find(m.uid())
                   : with_->told.find<Pod>("pods", m.namespace_(), m.name());
  // What is told is often what was reported; it brings nothing that was missing.
  bool echo = found && found != pod_ && found->metadata().generation() == m.generation();
  if (found && found->metadata().uid() == m.uid()) {
    pod_ = found;
    record_.gone_from_servers = false;
    if (own)
      look_at_mirror();
    else if (!shows_what_was_told(*pod_))
      reported_.clear();
  } else {
    note_gone(record_, now());
  }
  if (!echo) { // something that was missing may be there
    for (auto& c : record_.containers)
      if (c.waiting_reason == "CreateContainerConfigError") c.start_retry = now();
    if (record_.volumes == progress::failed) record_.volumes_retry = now();
    if (record_.place == progress::failed) record_.place_retry = now();
  }
  if (record_.volumes == progress::done && !record_.ending) refresh_volumes();
  step();
}

bool pod_state::shows_what_was_told(const Pod& object) const {
  k8s::core::v1::PodStatus told;
  return reported_.empty() || !told.ParsePartialFromString(reported_) ||
         agree(told, object.status());
}

/// A mirror that is new knows nothing yet.
void pod_state::look_at_mirror() {
  auto& m = pod_->metadata();
  auto shown = with_->told.find<Pod>("pods", m.namespace_(), m.name());
  if (!shown || mirrored_by(*shown) != m.uid()) return;
  bool fresh = std::exchange(mirror_uid_, shown->metadata().uid()) != mirror_uid_;
  if (fresh || !shows_what_was_told(*shown)) reported_.clear();
}

std::string pod_state::directory_name() const {
  return "pod/" + pod_->metadata().namespace_() + "/" + pod_->metadata().name();
}

std::string pod_state::key() const {
  return trace::pod_key(pod_->metadata().namespace_(), pod_->metadata().name());
}

void pod_state::trace_step(const pod_action& action) const {
  trace::pass({.from = directory_name(),
               .to = "machine",
               .verb = "asks, for",
               .key = key(),
               .detail = words_of(action)});
}

void pod_state::elapsed(uint64_t number) {
  if (number != timer_) return; // it has been set again since
  armed_for_.reset();
  step();
}

void pod_state::step() {
  for (auto& happened : inbox_->take()) happened(*this);
  note_wanted(record_, *pod_, now());
  std::optional<moment> wake;
  for (int round = 0; round < rounds_max; ++round) {
    auto decided = plan(*pod_, record_, now());
    wake = decided.wake;
    if (decided.actions.empty()) break;
    for (auto& action : decided.actions) {
      begun(record_, action, now());
      if (trace::on()) trace_step(action);
      std::visit([this](auto& a) { carry_out(a); }, action);
    }
  }
  for (auto& [what, held] : tokens_)
    if (held.refresh_at <= wall().seconds && !record_.ending) {
      ask_for_tokens();
      break;
    }
  look_at_disk();
  report();
  if (auto disk = disk_wake()) wake = wake ? std::min(*wake, *disk) : *disk;
  if (auto token = token_wake(); token && !record_.ending)
    wake = wake ? std::min(*wake, *token) : *token;
  arm(wake);
}

std::optional<moment> pod_state::disk_wake() const {
  if (!disk_limits_.any() || looking_at_disk_ || record_.ending) return std::nullopt;
  bool runs = std::any_of(record_.containers.begin(), record_.containers.end(),
                          [](auto& c) { return c.running(); });
  return runs ? std::optional(next_disk_look_) : std::nullopt;
}

/// Only pods with a limit are looked at, and only while they run.
void pod_state::look_at_disk() {
  auto due = disk_wake();
  if (!due || *due > now()) return;
  looking_at_disk_ = true;
  std::vector<std::string> names;
  for (auto& c : record_.containers) names.push_back(c.name);
  do_blocking(
      [where = with_->where, pod = pod_, names] {
        auto begun = std::chrono::steady_clock::now();
        auto use = measure_disk(where, *pod, names);
        auto took = std::chrono::steady_clock::now() - begun;
        return std::pair(use, std::chrono::duration_cast<moment>(took));
      },
      [](pod_state& s, std::pair<disk_use, moment> seen) {
        s.looking_at_disk_ = false;
        s.next_disk_look_ = s.now() + std::max(disk_look_every, seen.second * disk_look_rest);
        auto why = beyond_limits(s.disk_limits_, seen.first);
        if (!why || s.record_.ending) return;
        s.tell({}, true, "Evicted", *why);
        note_failed(s.record_, "Evicted", *why, s.now(), eviction_grace);
      });
}

void pod_state::arm(std::optional<moment> wake) {
  if (!wake || (armed_for_ && *armed_for_ == *wake)) return;
  armed_for_ = wake;
  self_->delayed_send(self_, std::max(moment{1}, *wake - now()), elapsed_atom_v, ++timer_);
}

std::optional<moment> pod_state::token_wake() const {
  std::optional<moment> out;
  for (auto& [what, held] : tokens_) {
    if (tokens_asked_.contains(what)) continue;
    auto at = now() + std::chrono::seconds(std::max<int64_t>(1, held.refresh_at - wall().seconds));
    out = out ? std::min(*out, at) : at;
  }
  return out;
}

void pod_state::report() {
  if (!record_.removal_told_last) {
    auto card = std::make_shared<pod_card>();
    card->pod = pod_;
    card->containers = record_.containers;
    card->ips = record_.ips;
    card->cgroup = place_.cgroup;
    with_->show(uid(), std::move(card));
  }
  if (record_.gone_from_servers || record_.removal == progress::done) return;
  // What runs is as ready as it was: its clients are not sent away for the time of looking.
  bool looking = record_.place == progress::none || record_.place == progress::under_way;
  taking_over_ = taking_over_ && looking && is_alive(record_) && !record_.ending;
  if (taking_over_) return;
  auto status = status_of(*pod_, record_, with_->given.node_ip, now()).SerializeAsString();
  if (status == reported_) return;
  reported_ = status;
  if (trace::on())
    trace::pass({.from = directory_name(),
                 .to = "agent/" + with_->given.name,
                 .verb = "reports",
                 .key = key(),
                 .detail = trace::status_words(status)});
  with_->reports.put(pod_report(*pod_, status));
}

void pod_state::tell(const std::string& container, bool warning, const std::string& reason,
                     const std::string& message) {
  if (record_.gone_from_servers) return;
  cluster::Report out;
  out.set_event(pod_event(*pod_, container, warning, reason, message, with_->given.name, wall())
                    .SerializeAsString());
  with_->reports.put(std::move(out));
}

pod_actor::behavior_type pod(pod_actor::stateful_pointer<std::unique_ptr<pod_state>> self,
                             context_ptr with, std::shared_ptr<const Pod> first, bool adopted) {
  self->state = std::make_unique<pod_state>(self, std::move(with), std::move(first));
  if (adopted) self->state->adopt();
  self->state->step();
  auto state = self->state.get();
  return {
      [state](told_atom) { state->told(); },
      [state](resync_atom) { state->step(); },
      [state](elapsed_atom, uint64_t number) { state->elapsed(number); },
  };
}

} // namespace troupe::node
