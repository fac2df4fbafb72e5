// What the HTTP server costs by itself: CPU per keep-alive GET over TLS, memory and CPU of idle
// watches, and the price of telling all of them one event. The client is another process.
#include "net/http/server.hpp"
#include "test/net/support/raw_client.hpp"
#include "test/net/support/test_authority.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

using namespace troupe;
using namespace troupe::http;
using clock_type = std::chrono::steady_clock;

namespace {

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](timeval t) { return t.tv_sec + t.tv_usec / 1e6; };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

double resident_mib() {
  std::ifstream in{"/proc/self/statm"};
  size_t total = 0, resident = 0;
  in >> total >> resident;
  return static_cast<double>(resident) * 4096 / (1024 * 1024);
}

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// Two ends of a pipe, for one byte at a time between the processes.
struct signal_pipe {
  signal_pipe() {
    if (::pipe(ends) != 0) std::abort();
  }
  void give(uint16_t value = 0) const {
    if (::write(ends[1], &value, sizeof value) != sizeof value) std::abort();
  }
  uint16_t take() const {
    uint16_t value = 0;
    if (::read(ends[0], &value, sizeof value) != sizeof value) std::_Exit(0);
    return value;
  }
  int ends[2] = {};
};

constexpr int connections = 32;
constexpr int rounds = 2'000;
const std::string request_text = "GET /api/v1/namespaces/default/pods/web-1 HTTP/1.1\r\n"
                                 "Host: 127.0.0.1:6443\r\nUser-Agent: bench/1.0\r\n"
                                 "Accept: application/json\r\nAccept-Encoding: gzip\r\n\r\n";

std::shared_ptr<const tls::context> client_tls(bool encrypted) {
  if (!encrypted) return nullptr;
  return *tls::context::make(tls::style::public_client,
                             {{}, {}, test::authority().ca.certificate_pem});
}

void client_of_gets(bool encrypted, const signal_pipe& go, const signal_pipe& done) {
  const auto port = go.take();
  const auto tls = client_tls(encrypted);
  std::vector<std::unique_ptr<test::raw_client>> all;
  for (int i = 0; i < connections; ++i)
    all.push_back(std::make_unique<test::raw_client>(port, tls));
  for (int round = 0; round < rounds; ++round) {
    for (auto& each : all) each->send(request_text);
    for (auto& each : all) each->answer();
  }
  done.give();
  go.take();
}

void bench_gets(bool encrypted) {
  const signal_pipe go, done;
  test::authority();
  const auto child = ::fork();
  if (child == 0) {
    client_of_gets(encrypted, go, done);
    std::_Exit(0);
  }
  const auto body = share(std::string(2'500, 'j'));
  server_settings settings{.threads = 2, .handle = [&](request, responder out) {
                             out.reply({200, {{"Content-Type", "application/json"}}, {body}});
                           }};
  if (encrypted) settings.tls = test::authority().server();
  server served{std::move(settings)};
  if (!served.start()) std::abort();
  const auto cpu = cpu_seconds();
  const auto start = clock_type::now();
  go.give(served.port());
  done.take();
  const double count = connections * rounds;
  std::printf("GET 2.5 KB keep-alive, %s, %d connections: %.0f/s, server CPU %.1f us each\n",
              encrypted ? "TLS" : "plain", connections, count / seconds_since(start),
              (cpu_seconds() - cpu) / count * 1e6);
  go.give();
  ::waitpid(child, nullptr, 0);
}

void client_of_watches(int count, const signal_pipe& go, const signal_pipe& done) {
  const auto port = go.take();
  const auto tls = client_tls(true);
  std::vector<std::unique_ptr<test::raw_client>> all;
  for (int i = 0; i < count; ++i) {
    all.push_back(std::make_unique<test::raw_client>(port, tls));
    all.back()->send(request_text);
    all.back()->until("\r\n\r\n");
  }
  done.give();
  for (auto& each : all) each->until("}\n\r\n");
  done.give();
  go.take();
}

void bench_watches(int count) {
  const signal_pipe go, done;
  const auto child = ::fork();
  if (child == 0) {
    client_of_watches(count, go, done);
    std::_Exit(0);
  }
  std::mutex mutex;
  std::vector<http::stream> watches;
  server served{
      {.tls = test::authority().server(), .threads = 2, .handle = [&](request, responder out) {
         auto made = out.stream(200, {{"Content-Type", "application/json"}});
         const std::lock_guard lock{mutex};
         watches.push_back(std::move(made));
       }}};
  if (!served.start()) std::abort();
  const auto before = resident_mib();
  const auto cpu_connect = cpu_seconds();
  go.give(served.port());
  done.take();
  std::printf("%d TLS handshakes: server CPU %.0f us each\n", count,
              (cpu_seconds() - cpu_connect) / count * 1e6);
  std::printf("%d idle TLS watches: %.1f MiB, %.1f KB each\n", count, resident_mib() - before,
              (resident_mib() - before) * 1024 / count);
  const auto cpu_idle = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::seconds{3});
  std::printf("idle CPU with them: %.3f %%\n", (cpu_seconds() - cpu_idle) / 3 * 100);
  const auto event = share(std::string(2'000, 'e') + "}\n");
  const auto cpu_event = cpu_seconds();
  const auto start = clock_type::now();
  for (auto& watch : watches) watch.write(event);
  const auto marked = seconds_since(start);
  done.take();
  std::printf("one event to all: %.2f us each to mark, all received after %.0f ms, "
              "server CPU %.1f us each\n",
              marked / count * 1e6, seconds_since(start) * 1e3,
              (cpu_seconds() - cpu_event) / count * 1e6);
  go.give();
  ::waitpid(child, nullptr, 0);
}

} // namespace

int main(int argc, char** argv) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  bench_gets(false);
  bench_gets(true);
  bench_watches(argc > 1 ? std::atoi(argv[1]) : 10'000);
}
