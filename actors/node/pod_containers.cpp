// The containers of a POD: their images, starts, signals, and what the shim tells of their ends.
#include "actors/node/images/pull.hpp"
#include "actors/node/place.hpp"
#include "actors/node/pod.hpp"
#include "messages/api/config.pb.h"
#include "messages/base/log.hpp"
#include "messages/base/span.hpp"

#include <boost/asio/steady_timer.hpp>

#include <csignal>

namespace troupe::node {

namespace {

constexpr std::chrono::milliseconds drain_patience{1'000}; ///< then it stops all the same
/// The same for the networks of other machines, but never more than half of the grace period.
constexpr std::chrono::milliseconds drain_patience_elsewhere{2'000};
/// From a connection's first packet until its server has taken it and answered.
constexpr std::chrono::milliseconds on_the_way{100};
constexpr std::chrono::milliseconds shim_patience{5'000};

/// Credentials of the pod's pull secrets, as docker configs.
std::vector<std::string> credentials_of(const Pod& pod, const facts& told) {
  std::vector<std::string> out;
  for (auto& ref : pod.spec().image_pull_secrets()) {
    auto secret =
        told.find<k8s::core::v1::Secret>("secrets", pod.metadata().namespace_(), ref.name());
    if (!secret) continue;
    for (auto key : {".dockerconfigjson", ".dockercfg"})
      if (auto hit = secret->data().find(key); hit != secret->data().end())
        out.push_back(hit->second);
  }
  return out;
}

std::string seconds_between(timestamp from, timestamp to) {
  auto ms = (to.seconds - from.seconds) * 1000 + (to.nanos - from.nanos) / 1'000'000;
  return ms < 1000 ? std::to_string(ms) + "ms" : format_duration(std::chrono::milliseconds(ms));
}

/// With which runtime what is left of a container is removed.
runtime::program runtime_of(const context& with, const Pod& pod) {
  auto known = with.runtime_for(pod);
  return known ? *known : with.usual_runtime();
}

} // namespace

int signal_number(const std::string& name) {
  static const std::map<std::string, int> known = {
      {"ABRT", SIGABRT},   {"ALRM", SIGALRM}, {"BUS", SIGBUS},   {"CHLD", SIGCHLD},
      {"CONT", SIGCONT},   {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},
      {"INT", SIGINT},     {"IO", SIGIO},     {"KILL", SIGKILL}, {"PIPE", SIGPIPE},
      {"POLL", SIGPOLL},   {"PROF", SIGPROF}, {"PWR", SIGPWR},   {"QUIT", SIGQUIT},
      {"SEGV", SIGSEGV},   {"STOP", SIGSTOP}, {"SYS", SIGSYS},   {"TERM", SIGTERM},
      {"TRAP", SIGTRAP},   {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},
      {"URG", SIGURG},     {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"VTALRM", SIGVTALRM},
      {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"RTMIN", 34},
      {"RTMAX", 64}};
  auto plain = name.starts_with("SIG") ? name.substr(3) : name;
  if (!plain.empty() && plain.find_first_not_of("0123456789") == plain.npos) {
    auto number = atoi(plain.c_str());
    return number > 0 && number <= 64 ? number : SIGTERM;
  }
  auto more = plain.find_first_of("+-");
  auto hit = known.find(plain.substr(0, more));
  if (hit == known.end()) return SIGTERM;
  return hit->second + (more == plain.npos ? 0 : atoi(plain.c_str() + more));
}

void pod_state::carry_out(const get_image& a) {
  auto spec = container_of(*pod_, a.container);
  image_wanted want{spec->image(), spec->image_pull_policy(), {}};
  if (auto known = with_->puller->look(want))
    return image_came(a.container, want.name, *known, wall());
  want.credentials = credentials_of(*pod_, with_->told);
  tell(a.container, false, "Pulling", "Pulling image \"" + want.name + "\"");
  with_->puller->pull(want, [inbox = inbox_, name = a.container, wanted = want.name,
                             asked = wall()](const image_answer& got) {
    inbox->put(
        [name, wanted, got, asked](pod_state& s) { s.image_came(name, wanted, got, asked); });
  });
}

void pod_state::image_came(const std::string& container, const std::string& wanted,
                           const image_answer& got, timestamp asked) {
  auto c = record_.find(container);
  if (!c) return;
  if (!got.image) {
    note_image_failure(*c, got.reason, got.message, now());
    tell_image_failure(container, wanted, got);
    return;
  }
  images_[container] = got.image;
  auto name = got.image->names.empty() ? wanted : got.image->names.front();
  for (auto& n : got.image->names)
    if (n == wanted || n.ends_with("/" + wanted)) name = n;
  note_image(*c, name, shown_id(*got.image, name));
  tell(container, false, "Pulled",
       got.pulled
           ? "Successfully pulled image \"" + wanted + "\" in " + seconds_between(asked, wall()) +
                 ". Image size: " + std::to_string(got.image->bytes) + " bytes."
           : "Container image \"" + wanted +
                 "\" already present on machine and can be accessed by the pod");
}

void pod_state::tell_image_failure(const std::string& container, const std::string& wanted,
                                   const image_answer& got) {
  if (got.reason == "ErrImagePull")
    tell(container, true, "Failed", "Failed to pull image \"" + wanted + "\": " + got.message);
  else
    tell(container, true, got.reason == "InvalidImageName" ? "InspectFailed" : got.reason,
         got.message);
  tell(container, true, "Failed", "Error: " + got.reason);
}

void pod_state::carry_out(const back_off_image& a) {
  auto spec = container_of(*pod_, a.container);
  tell(a.container, false, "BackOff", "Back-off pulling image \"" + spec->image() + "\"");
  tell(a.container, true, "Failed", "Error: ImagePullBackOff");
}

void pod_state::carry_out(const start_container& a) {
  start_request what{pod_,   a.container, a.attempt,   images_[a.container],
                     place_, volumes_,    record_.ips, {}};
  if (auto target = target_of(*pod_, a.container); !target.empty()) {
    auto other = record_.find(target);
    what.sees = other ? other->container_id : "";
  }
  do_blocking([with = with_, what] { return start(*with, what); },
              [name = a.container](pod_state& s,
                                   boost::system::result<container_started, start_failure> out) {
                out ? s.container_started_now(name, *out) : s.container_failed(name, out.error());
              });
}

void pod_state::container_started_now(const std::string& container, const container_started& how) {
  auto& c = record_of(container);
  c.container_id = how.id;
  c.uid = how.uid;
  c.gid = how.gid;
  c.groups = how.groups;
  stop_signals_[container] = how.stop_signal;
  config_error_.clear();
  note_running(c, wall(), now());
  tell(container, false, "Created", "Container created");
  tell(container, false, "Started", "Container started");
  if (early_exits_.erase(how.id) || how.taken_over) collect_end(container);
}

void pod_state::container_failed(const std::string& container, const start_failure& why) {
  auto& c = record_of(container);
  if (config_error_ != why.message) tell(container, true, "Failed", "Error: " + why.message);
  config_error_ = why.message;
  if (why.at == start_stage::config) return note_config_error(c, why.reason, why.message, now());
  c.container_id = container_id(uid(), container, c.attempt);
  with_->work.run(
      [with = with_, uid = uid(), id = c.container_id, cgroup = place_.cgroup,
       program = runtime_of(*with_, *pod_)] { remove_container(*with, uid, id, cgroup, program); });
  note_ended(c, {128, 0, why.reason, why.message, {}, wall(), c.container_id}, now());
}

void pod_state::carry_out(const signal_container& a) {
  auto& c = record_of(a.container);
  auto spec = container_of(*pod_, a.container);
  std::string name = "SIGTERM";
  if (!stop_signals_[a.container].empty()) name = stop_signals_[a.container];
  if (spec && !spec->lifecycle().stop_signal().empty()) name = spec->lifecycle().stop_signal();
  int number = a.kill ? SIGKILL : signal_number(name);
  // A liveness probe has told its own story.
  if (c.stop_reason.empty()) {
    c.stop_reason = "Stopping container " + a.container;
    tell(a.container, false, "Killing", c.stop_reason);
  }
  // A pod that is to go leaves the services first; one container that is restarted does not wait.
  bool leaves = !a.kill && pod_->metadata().has_deletion_timestamp();
  auto grace = span_of(pod_->metadata().deletion_grace_period_seconds());
  auto elsewhere = std::min<std::chrono::milliseconds>(drain_patience_elsewhere,
                                                       std::chrono::milliseconds{grace} / 2);
  with_->work.run([with = with_, pod = uid(), leaves, elsewhere, dir = with_->where.pod(uid()),
                   id = c.container_id, number] {
    if (leaves && with->given.network->drain(pod, drain_patience)) {
      with->taken_in.wait_for_all(elsewhere);
      std::this_thread::sleep_for(on_the_way);
    }
    (void)runtime::ask_shim(dir, {"kill", "1", id, std::to_string(number)}, shim_patience);
  });
}

void pod_state::watch_shim() {
  auto stream = runtime::shim_stream::open(
      with_->loop.context, with_->where.pod(uid()), {"watch"},
      {[inbox = inbox_](std::string_view message) {
         auto words = runtime::split_words(message);
         if (words.size() >= 2 && words[0] == "exited")
           inbox->put([id = words[1]](pod_state& s) { s.exited(id); });
       },
       [inbox = inbox_] { inbox->put([](pod_state& s) { s.shim_lost(); }); }});
  if (!stream) return shim_lost();
  watch_ = *stream;
  // Who ended while nobody watched is found in its file.
  for (auto& c : record_.containers)
    if (c.running()) collect_end(c.name);
}

void pod_state::exited(const std::string& id) {
  for (auto& c : record_.containers) {
    if (c.running() && c.container_id == id) return collect_end(c.name);
    if (c.is == container_record::state::starting && container_id(uid(), c.name, c.attempt) == id)
      early_exits_.insert(id);
  }
}

void pod_state::collect_end(const std::string& container) {
  auto spec = container_of(*pod_, container);
  if (!spec) return;
  auto id = record_of(container).container_id;
  do_blocking([with = with_, pod = pod_, spec = *spec, id, cgroup = place_.cgroup,
               at = wall()] { return read_ending(*with, *pod, spec, id, cgroup, at); },
              [container, id](pod_state& s, std::optional<ending> how) {
                if (how) s.ended(container, id, std::move(*how));
              });
}

void pod_state::ended(const std::string& container, const std::string& id, ending how) {
  auto& c = record_of(container);
  if (!c.running() || c.container_id != id) return;
  auto spec = container_of(*pod_, container);
  note_ended(c, std::move(how), now());
  if (record_.ending) return; // it goes with its pod
  if (spec && wants_restart(*pod_, *spec, c) && c.backoff != moment{})
    tell(container, true, "BackOff",
         "Back-off restarting failed container " + container + " in pod " +
             pod_->metadata().name() + "_" + pod_->metadata().namespace_() + "(" + uid() + ")");
  with_->work.run(
      [with = with_, uid = uid(), id, cgroup = place_.cgroup, program = runtime_of(*with_, *pod_)] {
        remove_container(*with, uid, id, cgroup, program);
      });
}

void pod_state::shim_lost() {
  watch_.reset();
  if (record_.place != progress::done || record_.release != progress::none ||
      record_.removal != progress::none)
    return;
  // Without a shim nobody knows how containers end: a new one is made, and they with it.
  log::warn("node", "a pod has lost its shim", {{"pod", pod_->metadata().name()}, {"uid", uid()}});
  for (auto& c : record_.containers)
    if (c.running()) collect_end(c.name);
  record_.place = progress::none;
}

} // namespace troupe::node
