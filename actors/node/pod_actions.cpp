// How a POD carries out what was decided, and what comes of it.
#include "actors/node/exec.hpp"
#include "actors/node/images/pull.hpp"
#include "actors/node/place.hpp"
#include "actors/node/pod.hpp"
#include "messages/api/config.pb.h"
#include "messages/base/log.hpp"

#include <boost/asio/post.hpp>
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
constexpr std::chrono::seconds hook_patience{3'600}; ///< a pod's grace ends it sooner

using k8s::base::IntOrString;
using k8s::core::v1::HTTPGetAction;
using k8s::core::v1::Probe;

uint16_t port_of(const IntOrString& port, const Container& of) {
  if (port.type() == 0) return static_cast<uint16_t>(port.int_val());
  for (auto& p : of.ports())
    if (p.name() == port.str_val()) return static_cast<uint16_t>(p.container_port());
  return static_cast<uint16_t>(atoi(port.str_val().c_str()));
}

http_question question_of(const HTTPGetAction& action, const Container& of, const std::string& ip) {
  http_question out;
  out.host = action.host().empty() ? ip : action.host();
  out.port = port_of(action.port(), of);
  out.path = action.path();
  if (!out.path.starts_with("/")) out.path = "/" + out.path;
  out.tls = action.scheme() == "HTTPS";
  for (auto& h : action.http_headers()) out.headers.emplace_back(h.name(), h.value());
  return out;
}

std::vector<std::string> words_of(const k8s::core::v1::ExecAction& action) {
  return {action.command().begin(), action.command().end()};
}

const Probe& probe_in(const Container& spec, probe_kind kind) {
  return kind == probe_kind::startup    ? spec.startup_probe()
         : kind == probe_kind::liveness ? spec.liveness_probe()
                                        : spec.readiness_probe();
}

const char* word_for(probe_kind kind) {
  return kind == probe_kind::startup    ? "Startup"
         : kind == probe_kind::liveness ? "Liveness"
                                        : "Readiness";
}

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

/// With which runtime what is left of a container is removed.
static runtime::program runtime_of(const context& with, const Pod& pod) {
  auto known = with.runtime_for(pod);
  return known ? *known : with.usual_runtime();
}

// PLACE AND VOLUMES

void pod_state::carry_out(const prepare_place&) {
  do_blocking(
      [with = with_, pod = pod_]() -> result<pod_place> {
        if (auto ready = with->given.network->ready(); !ready && !pod->spec().host_network())
          return ready.error();
        return make_place(*with, *pod);
      },
      [](pod_state& s, result<pod_place> made) { s.place_made(made); });
}

void pod_state::place_made(const result<pod_place>& made) {
  if (!made) {
    record_.place = progress::failed;
    record_.place_retry = now() + retry_after(++record_.place_failures);
    if (record_.place_error != made.error().message)
      tell({}, true, "FailedCreatePodSandBox",
           "Failed to create pod sandbox: " + made.error().message);
    record_.place_error = made.error().message;
    return;
  }
  record_.place = progress::done;
  record_.place_failures = 0;
  record_.place_error.clear();
  record_.ips = made->ips;
  place_ = made->view;
  if (!watch_) watch_shim();
}

bool pod_state::ask_for_tokens() {
  bool missing = false;
  for (auto& want : tokens_of(*pod_)) {
    auto held = tokens_.find(want);
    if (held != tokens_.end() && held->second.refresh_at > wall().seconds) continue;
    missing = missing || held == tokens_.end();
    if (!tokens_asked_.insert(want).second) continue;
    cluster::TokenWanted ask;
    ask.set_namespace_(pod_->metadata().namespace_());
    ask.set_service_account(pod_->spec().service_account_name());
    ask.set_pod(pod_->metadata().name());
    ask.set_pod_uid(uid());
    if (!want.audience.empty()) ask.add_audiences(want.audience);
    ask.set_expiration_seconds(want.seconds);
    with_->tokens.ask(std::move(ask), [inbox = inbox_, want](const cluster::Token& token) {
      inbox->put([want, token](pod_state& s) { s.token_came(want, token); });
    });
  }
  return missing;
}

void pod_state::token_came(const token_request& what, const cluster::Token& token) {
  tokens_asked_.erase(what);
  bool waited = record_.volumes == progress::under_way && !tokens_.contains(what);
  if (!token.refused().empty()) {
    if (waited) {
      record_.volumes = progress::failed;
      record_.volumes_retry = now() + retry_after(++record_.volumes_failures + 3);
      tell({}, true, "FailedMount",
           "MountVolume.SetUp failed: failed to fetch token: " + token.refused());
    } else {
      tokens_[what].refresh_at = wall().seconds + 30; // the old one is good for a while
    }
    return;
  }
  tokens_[what] = {token.token(), refresh_time(wall().seconds, token.expires_at()),
                   token.expires_at()};
  if (waited)
    record_.volumes = progress::none; // now they can be made
  else
    refresh_volumes();
}

void pod_state::carry_out(const prepare_volumes&) {
  if (ask_for_tokens()) return; // goes on when they have come
  do_blocking(
      [with = with_, pod = pod_, tokens = tokens_, ips = record_.ips] {
        return prepare_pod_volumes(with->where, *pod, with->told, with->view(ips), tokens);
      },
      [](pod_state& s, result<volume_places> made) { s.volumes_made(made); });
}

void pod_state::volumes_made(const result<volume_places>& made) {
  if (!made) {
    record_.volumes = progress::failed;
    record_.volumes_retry = now() + retry_after(++record_.volumes_failures + 1);
    if (record_.volumes_error != made.error().message)
      tell({}, true, "FailedMount", made.error().message);
    record_.volumes_error = made.error().message;
    return;
  }
  record_.volumes = progress::done;
  record_.volumes_failures = 0;
  record_.volumes_error.clear();
  volumes_ = *made;
}

void pod_state::refresh_volumes() {
  if (std::exchange(refreshing_, true)) {
    refresh_again_ = true;
    return;
  }
  do_blocking(
      [with = with_, pod = pod_, tokens = tokens_, ips = record_.ips] {
        return refresh_pod_volumes(with->where, *pod, with->told, with->view(ips), tokens);
      },
      [](pod_state& s, result<void> done) {
        s.refreshing_ = false;
        // What a running pod has stays as it was.
        if (!done) s.tell({}, true, "FailedMount", done.error().message);
        if (std::exchange(s.refresh_again_, false)) s.refresh_volumes();
      });
}

// IMAGES AND CONTAINERS

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
    bool again = c->waiting_message == got.message;
    note_image_failure(*c, got.reason, got.message, now());
    if (!again) tell(container, true, "Failed", got.message);
    tell(container, true, "Failed", "Error: " + got.reason);
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
           : "Container image \"" + wanted + "\" already present on machine");
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
  tell(container, false, "Created", "Created container: " + container);
  tell(container, false, "Started", "Started container " + container);
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
  auto grace = std::chrono::seconds{pod_->metadata().deletion_grace_period_seconds()};
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

// HOOKS AND PROBES

void pod_state::carry_out(const run_hook& a) {
  auto spec = container_of(*pod_, a.container);
  auto& handler =
      a.which == hook::post_start ? spec->lifecycle().post_start() : spec->lifecycle().pre_stop();
  auto done = [inbox = inbox_, name = a.container, which = a.which](const probe_answer& answer) {
    inbox->put([name, which, answer](pod_state& s) { s.hook_ended(name, which, answer); });
  };
  auto ip = record_.ips.empty() ? with_->given.node_ip : record_.ips.front();
  auto& loop = with_->loop.context;
  if (handler.has_exec()) {
    run_in_container(with_, {uid(), record_of(a.container).container_id, words_of(handler.exec())},
                     hook_patience, [done](exec_outcome out) {
                       done({out.exit_code == 0,
                             out.failure.empty() ? "exited with " + std::to_string(out.exit_code) +
                                                       ": " + out.output
                                                 : out.failure});
                     });
  } else if (handler.has_http_get()) {
    boost::asio::post(loop, [&loop, q = question_of(handler.http_get(), *spec, ip), done] {
      ask_http(loop, q, hook_patience, done);
    });
  } else if (handler.has_sleep()) {
    boost::asio::post(loop, [&loop, seconds = handler.sleep().seconds(), done] {
      auto timer = std::make_shared<boost::asio::steady_timer>(loop, std::chrono::seconds(seconds));
      timer->async_wait([timer, done](boost::system::error_code bad) {
        if (!bad) done({true, {}});
      });
    });
  } else {
    done({true, {}}); // tcpSocket says nothing here, as upstream
  }
}

void pod_state::hook_ended(const std::string& container, hook which, const probe_answer& answer) {
  auto& c = record_of(container);
  if (which == hook::pre_stop) {
    if (!answer.success)
      tell(container, true, "FailedPreStopHook", "PreStopHook failed: " + answer.output);
    c.pre_stop = progress::done;
    return;
  }
  c.post_start = answer.success ? progress::done : progress::failed;
  if (answer.success || !c.running()) return;
  tell(container, true, "FailedPostStartHook", "PostStartHook failed: " + answer.output);
  note_stopping(c, "FailedPostStartHook", record_.grace, now());
}

void pod_state::carry_out(const ask_probe& a) {
  auto spec = container_of(*pod_, a.container);
  auto& c = record_of(a.container);
  auto& probe = probe_in(*spec, a.kind);
  std::chrono::milliseconds patience = std::chrono::seconds(std::max(1, probe.timeout_seconds()));
  auto done = [inbox = inbox_, name = a.container, kind = a.kind,
               attempt = c.attempt](const probe_answer& answer) {
    inbox->put([=](pod_state& s) { s.probe_ended(name, kind, attempt, answer); });
  };
  auto ip = record_.ips.empty() ? with_->given.node_ip : record_.ips.front();
  auto& loop = with_->loop.context;
  auto& how = probe.handler();
  if (how.has_exec())
    return run_in_container(with_, {uid(), c.container_id, words_of(how.exec())}, patience,
                            [done](exec_outcome out) {
                              bool good = out.exit_code == 0 && out.failure.empty();
                              done({good, out.failure.empty() ? out.output : out.failure});
                            });
  boost::asio::post(loop, [&loop, how, spec = *spec, ip, patience, done] {
    if (how.has_http_get())
      return ask_http(loop, question_of(how.http_get(), spec, ip), patience, done);
    if (how.has_tcp_socket())
      return ask_tcp(loop, how.tcp_socket().host().empty() ? ip : how.tcp_socket().host(),
                     port_of(how.tcp_socket().port(), spec), patience, done);
    if (how.has_grpc())
      return ask_grpc(loop, ip, static_cast<uint16_t>(how.grpc().port()), how.grpc().service(),
                      patience, done);
    done({true, {}});
  });
}

void pod_state::probe_ended(const std::string& container, probe_kind kind, int attempt,
                            const probe_answer& answer) {
  auto c = record_.find(container);
  auto spec = container_of(*pod_, container);
  if (!c || !spec || c->attempt != attempt || !c->running()) return; // of an earlier life
  auto& probe = probe_in(*spec, kind);
  note_probe(*c, kind, probe, answer.success, answer.output, now());
  with_->probes.note(uid(),
                     "container=\"" + container + "\",namespace=\"" +
                         pod_->metadata().namespace_() + "\",pod=\"" + pod_->metadata().name() +
                         "\"",
                     word_for(kind), answer.success);
  if (answer.success) return;
  auto word = std::string(word_for(kind));
  tell(container, true, "Unhealthy", word + " probe failed: " + answer.output);
  if (kind == probe_kind::readiness || !c->probe(kind).failed || c->stopping) return;
  auto grace = probe.has_termination_grace_period_seconds()
                   ? std::chrono::seconds(probe.termination_grace_period_seconds())
                   : std::chrono::seconds(pod_->spec().termination_grace_period_seconds());
  word[0] = static_cast<char>(tolower(word[0]));
  auto why = "Container " + container + " failed " + word + " probe, will be restarted";
  tell(container, false, "Killing", why);
  note_stopping(*c, why, grace, now());
}

// THE SHIM

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

// THE END

void pod_state::take_away(bool everything) {
  auto& m = pod_->metadata();
  auto cgroup = place_.cgroup.empty() ? pod_cgroup(with_->given.cgroup_root, *pod_) : place_.cgroup;
  do_blocking(
      [with = with_, uid = uid(), cgroup, everything,
       logs = with_->where.pod_logs(m.namespace_(), m.name(), m.uid())] {
        return take_place_away(*with, uid, cgroup, everything, logs);
      },
      [everything](pod_state& s, result<void> done) {
        if (!everything) {
          s.record_.release = progress::done;
          return;
        }
        s.record_.removal = done ? progress::done : progress::failed;
        if (!done) {
          s.record_.removal_retry = s.now() + retry_after(3);
          s.tell({}, true, "FailedKillPod", done.error().message);
        }
      });
}

void pod_state::carry_out(const release_place&) { take_away(false); }
void pod_state::carry_out(const remove_pod&) { take_away(true); }

void pod_state::carry_out(const tell_stopped&) {
  with_->forget(uid());
  with_->probes.forget(uid());
  record_.removal_told_last = true;
  if (!record_.gone_from_servers) {
    cluster::Report out;
    out.mutable_stopped()->set_namespace_(pod_->metadata().namespace_());
    out.mutable_stopped()->set_name(pod_->metadata().name());
    out.mutable_stopped()->set_uid(uid());
    with_->reports.put(std::move(out));
  }
  self_->quit();
}

} // namespace troupe::node
