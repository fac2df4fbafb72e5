// The hooks and probes of a POD: run in its containers or asked over its network, and what comes of
// them.
#include "actors/node/exec.hpp"
#include "actors/node/pod.hpp"
#include "messages/base/span.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace troupe::node {

namespace {

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

} // namespace

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
                   ? span_of(probe.termination_grace_period_seconds())
                   : span_of(pod_->spec().termination_grace_period_seconds());
  word[0] = static_cast<char>(tolower(word[0]));
  auto why = "Container " + container + " failed " + word + " probe, will be restarted";
  tell(container, false, "Killing", why);
  note_stopping(*c, why, grace, now());
}

} // namespace troupe::node
