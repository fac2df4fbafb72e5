#include "net/http/server.hpp"

#include "messages/base/haste.hpp"
#include "messages/base/log.hpp"
#include "net/http/connection_run.hpp"
#include "net/http/live_sink.hpp"
#include "net/http/server_core.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace troupe::http {

namespace {

constexpr int accept_backlog = 1024;
constexpr std::chrono::milliseconds accept_pause_after_failure{100};
/// A dead peer's machine is noticed after about a minute and a half.
constexpr int keepalive_idle_s = 45, keepalive_interval_s = 15, keepalive_probes = 3;

void tune(socket& peer) {
  const int one = 1;
  const int fd = peer.native_handle();
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_idle_s, sizeof keepalive_idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &keepalive_interval_s, sizeof keepalive_interval_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &keepalive_probes, sizeof keepalive_probes);
  boost::system::error_code ignored;
  peer.non_blocking(true, ignored);
}

} // namespace

std::string_view to_string(gone why) {
  switch (why) {
  case gone::finished: return "finished";
  case gone::left: return "the client left";
  case gone::too_slow: return "the client read too slowly";
  case gone::server_stopping: return "the server is stopping";
  }
  return {};
}

server::core::core(server_settings chosen)
    : settings{std::move(chosen)}, io{static_cast<int>(std::max(1u, settings.threads))} {}

result<void> server::core::start() {
  if (settings.tls) {
    auto made = tls::context::make(tls::style::public_server, *settings.tls);
    if (!made) return made.error();
    tls = *made;
  }
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(settings.address, failure);
  if (failure) return error{errc::invalid, "not an address: " + settings.address};
  const asio::ip::tcp::endpoint at{address, settings.port};
  acceptor.open(at.protocol(), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address{true}, failure);
  if (!failure) acceptor.bind(at, failure);
  if (!failure) acceptor.listen(accept_backlog, failure);
  if (failure)
    return error{errc::unavailable, "cannot listen on " + settings.address + " port " +
                                        std::to_string(settings.port) + ": " + failure.message()};
  port = acceptor.local_endpoint(failure).port();
  accept();
  for (unsigned i = 0; i < std::max(1u, settings.threads); ++i)
    threads.emplace_back([this] {
      take_short_turns();
      io.run();
    });
  return {};
}

void server::core::accept() {
  acceptor.async_accept(asio::make_strand(io), [this, self = shared_from_this()](
                                                   boost::system::error_code failure, socket peer) {
    if (stopping || failure == asio::error::operation_aborted) return;
    if (!failure) {
      take(std::move(peer));
      return accept();
    }
    // Out of descriptors, most likely: what is open keeps working, new clients wait a moment.
    log::warn("http", "cannot accept a connection", {{"reason", failure.message()}});
    accept_pause.expires_after(accept_pause_after_failure);
    accept_pause.async_wait([this, self](boost::system::error_code) {
      if (!stopping) accept();
    });
  });
}

void server::core::take(socket peer) {
  boost::system::error_code failure;
  const auto remote = peer.remote_endpoint(failure);
  if (failure) return;
  auto who = std::make_shared<http::peer>();
  who->address = remote.address().to_string();
  who->port = remote.port();
  tune(peer);
  const auto context = tls_now();
  std::shared_ptr<connection> made;
  {
    const std::lock_guard lock{mutex};
    auto& from_there = per_ip[who->address];
    if (connections.size() >= settings.limits.connections_max ||
        from_there >= settings.limits.connections_per_ip_max) {
      counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
      if (from_there == 0) per_ip.erase(who->address);
      return;
    }
    ++from_there;
    counters.connections_total.fetch_add(1, std::memory_order_relaxed);
    made = std::make_shared<connection>(shared_from_this(), std::move(peer), who, context.get());
    made->place = connections.insert(connections.end(), made);
  }
  made->run([made] { made->start(); });
}

void server::core::forget(connection& who) {
  const std::lock_guard lock{mutex};
  const auto from_there = per_ip.find(who.ip());
  if (from_there != per_ip.end() && --from_there->second == 0) per_ip.erase(from_there);
  connections.erase(who.place);
  if (connections.empty()) emptied.notify_all();
}

void server::core::wake(std::shared_ptr<live_sink> sink) {
  if (stopped) return;
  const std::lock_guard lock{woken_mutex};
  woken.push_back(std::move(sink));
  if (woken.size() == 1) asio::post(io, [this, self = shared_from_this()] { serve_woken(); });
}

void server::core::serve_woken() {
  std::vector<std::shared_ptr<live_sink>> all;
  {
    const std::lock_guard lock{woken_mutex};
    all.swap(woken);
  }
  for (auto& sink : all) {
    const auto to = sink->to();
    to->run([sink = std::move(sink)] { sink->serve(); });
  }
}

void server::core::watch(int64_t deadline) {
  const auto granularity = std::chrono::nanoseconds{settings.limits.deadline_granularity}.count();
  auto set = sweep_at.load(std::memory_order_relaxed);
  // A deadline may be kept late by as much as the granularity, so most calls end here.
  const auto at = deadline + granularity;
  while (at < set)
    if (sweep_at.compare_exchange_weak(set, at)) {
      asio::post(io, [this, self = shared_from_this(), at] {
        const std::lock_guard lock{mutex};
        if (sweep_at != at) return;
        sweeper.expires_at(steady::time_point{std::chrono::nanoseconds{at}});
        sweeper.async_wait([this, self](boost::system::error_code failure) {
          if (!failure) sweep();
        });
      });
      return;
    }
}

void server::core::sweep() {
  std::vector<std::shared_ptr<connection>> due;
  int64_t next = no_deadline;
  const auto now = now_ns();
  sweep_at = no_deadline;
  {
    const std::lock_guard lock{mutex};
    for (const auto& each : connections) {
      const auto at = each->deadline.load(std::memory_order_relaxed);
      if (at <= now)
        due.push_back(each);
      else
        next = std::min(next, at);
    }
  }
  for (const auto& each : due) each->run([each] { each->expire(); });
  if (next != no_deadline) watch(next);
}

std::shared_ptr<const tls::context> server::core::tls_now() const {
  const std::lock_guard lock{mutex};
  return tls;
}

void server::core::stop() {
  if (stopping.exchange(true)) return;
  const auto all = [this] {
    const std::lock_guard lock{mutex};
    return std::vector(connections.begin(), connections.end());
  };
  asio::post(io, [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->acceptor.close(ignored);
    self->accept_pause.cancel();
  });
  for (const auto& each : all()) each->run([each] { each->stop(); });
  const auto empty_within = [this](std::chrono::milliseconds time) {
    std::unique_lock lock{mutex};
    return emptied.wait_for(lock, time, [this] { return connections.empty(); });
  };
  if (!empty_within(settings.stop_grace)) {
    for (const auto& each : all()) each->run([each] { each->close(gone::server_stopping); });
    empty_within(std::chrono::seconds{1});
  }
  stopped = true;
  io.stop();
  for (auto& thread : threads) thread.join();
  // What still waits or is queued holds on to us: let it run, it finds everything closed.
  sweeper.cancel();
  io.restart();
  io.poll();
}

server::server(server_settings settings) : core_{std::make_shared<core>(std::move(settings))} {}
server::~server() { stop(); }
result<void> server::start() { return core_->start(); }
void server::stop() { core_->stop(); }
uint16_t server::port() const { return core_->port; }

result<void> server::reload(const tls::credentials& who) {
  auto made = tls::context::make(tls::style::public_server, who);
  if (!made) return made.error();
  const std::lock_guard lock{core_->mutex};
  core_->tls = *made;
  return {};
}

server_counters server::counters() const {
  server_counters out;
  const auto& from = core_->counters;
  for (size_t verb = 0; verb < method_count; ++verb)
    for (int status = live_counters::status_min; status < live_counters::status_end; ++status)
      if (const auto n = from.answers[verb][status - live_counters::status_min].load(
              std::memory_order_relaxed))
        out.answers.push_back({static_cast<method>(verb), status, n});
  out.refused_by_gate = from.refused_by_gate;
  out.connections_total = from.connections_total;
  out.connections_refused = from.connections_refused;
  out.handshakes_failed = from.handshakes_failed;
  out.requests_timed_out = from.requests_timed_out;
  out.slow_readers_dropped = from.slow_readers_dropped;
  out.bytes_in = from.bytes_in;
  out.bytes_out = from.bytes_out;
  const std::lock_guard lock{core_->mutex};
  out.connections_now = core_->connections.size();
  return out;
}

} // namespace troupe::http
