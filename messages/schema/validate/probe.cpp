// Probes and hooks of containers: exactly one handler each, and sane periods.
#include "messages/schema/validate/container.hpp"

#include "messages/api/container.pb.h"

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

void exec(report& out, const path& at, const ExecAction& a) {
  if (a.command().empty()) out.required(at / "command");
}

void http_get(report& out, const path& at, const HTTPGetAction& a) {
  out.not_empty(at / "path", a.path());
  port_or_name(out, at / "port", a.port());
  if (a.scheme() != "HTTP" && a.scheme() != "HTTPS")
    out.not_supported(at / "scheme", a.scheme(), {"HTTP", "HTTPS"});
  auto headers = at / "httpHeaders";
  for (auto& h : a.http_headers()) out.invalid(headers, h.name(), names::http_header(h.name()));
}

void tcp_socket(report& out, const path& at, const TCPSocketAction& a) {
  port_or_name(out, at / "port", a.port());
}

void grpc(report& out, const path& at, const GRPCAction& a) {
  out.invalid(at / "port", a.port(), names::port(a.port()));
}

/// Nobody sleeps longer than the pod is given to end.
void sleep(report& out, const path& at, const SleepAction& a, int64_t grace_seconds) {
  if (a.seconds() < 0 || a.seconds() > grace_seconds)
    out.invalid(at, a.seconds(),
                "must be non-negative and less than terminationGracePeriodSeconds (" +
                    std::to_string(grace_seconds) + ")");
}

/// Counts handlers; those after the first are refused.
class only_one {
public:
  only_one(report& out, const path& at) : out_{out}, at_{at} {}
  bool is_first(bool given, const char* name) {
    if (!given) return false;
    if (++count_ == 1) return true;
    out_.forbidden(at_ / name, "may not specify more than 1 handler type");
    return false;
  }
  void finish() {
    if (count_ == 0) out_.required(at_, "must specify a handler type");
  }

private:
  report& out_;
  const path& at_;
  int count_ = 0;
};

void handler(report& out, const path& at, const ProbeHandler& h) {
  only_one one(out, at);
  if (one.is_first(h.has_exec(), "exec")) exec(out, at / "exec", h.exec());
  if (one.is_first(h.has_http_get(), "httpGet")) http_get(out, at / "httpGet", h.http_get());
  if (one.is_first(h.has_tcp_socket(), "tcpSocket"))
    tcp_socket(out, at / "tcpSocket", h.tcp_socket());
  if (one.is_first(h.has_grpc(), "grpc")) grpc(out, at / "grpc", h.grpc());
  one.finish();
}

void hook(report& out, const path& at, const LifecycleHandler& h, int64_t grace_seconds) {
  only_one one(out, at);
  if (one.is_first(h.has_exec(), "exec")) exec(out, at / "exec", h.exec());
  if (one.is_first(h.has_http_get(), "httpGet")) http_get(out, at / "httpGet", h.http_get());
  if (one.is_first(h.has_tcp_socket(), "tcpSocket"))
    tcp_socket(out, at / "tcpSocket", h.tcp_socket());
  if (one.is_first(h.has_sleep(), "sleep")) sleep(out, at / "sleep", h.sleep(), grace_seconds);
  one.finish();
}

void probe(report& out, const path& at, const Probe& p) {
  handler(out, at, p.handler());
  out.not_negative(at / "initialDelaySeconds", p.initial_delay_seconds());
  out.not_negative(at / "timeoutSeconds", p.timeout_seconds());
  out.not_negative(at / "periodSeconds", p.period_seconds());
  out.not_negative(at / "successThreshold", p.success_threshold());
  out.not_negative(at / "failureThreshold", p.failure_threshold());
  if (p.has_termination_grace_period_seconds() && p.termination_grace_period_seconds() <= 0)
    out.invalid(at / "terminationGracePeriodSeconds", p.termination_grace_period_seconds(),
                "must be greater than 0");
}

/// Of probes that decide about life and start, one success is enough.
void single_success(report& out, const path& at, const Probe& p) {
  if (p.success_threshold() != 1)
    out.invalid(at / "successThreshold", p.success_threshold(), "must be 1");
}

} // namespace

void probes(report& out, const path& at, const Container& c, bool restarts) {
  auto live = at / "livenessProbe", ready = at / "readinessProbe", start = at / "startupProbe";
  if (!restarts) {
    // Containers that run once before the others.
    if (c.has_liveness_probe())
      out.forbidden(live, "may not be set for init containers without restartPolicy=Always");
    if (c.has_readiness_probe())
      out.forbidden(ready, "may not be set for init containers without restartPolicy=Always");
    if (c.has_startup_probe())
      out.forbidden(start, "may not be set for init containers without restartPolicy=Always");
    return;
  }
  if (c.has_liveness_probe()) {
    probe(out, live, c.liveness_probe());
    single_success(out, live, c.liveness_probe());
  }
  if (c.has_readiness_probe()) {
    probe(out, ready, c.readiness_probe());
    if (c.readiness_probe().has_termination_grace_period_seconds())
      out.invalid(ready / "terminationGracePeriodSeconds",
                  c.readiness_probe().termination_grace_period_seconds(),
                  "must not be set for readinessProbes");
  }
  if (c.has_startup_probe()) {
    probe(out, start, c.startup_probe());
    single_success(out, start, c.startup_probe());
  }
}

void lifecycle(report& out, const path& at, const Lifecycle& l, int64_t grace_seconds) {
  if (l.has_post_start()) hook(out, at / "postStart", l.post_start(), grace_seconds);
  if (l.has_pre_stop()) hook(out, at / "preStop", l.pre_stop(), grace_seconds);
}

} // namespace troupe::schema::validate
