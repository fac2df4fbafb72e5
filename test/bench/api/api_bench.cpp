// What the API server costs: creates, gets, patches, lists and watches of pods over TLS, durable,
// against a server in a process of its own. Usage: bench_api path/to/troupe [pods] [plain|rich]
#include "test/bench/api/load_client.hpp"
#include "test/bench/api/pods.hpp"
#include "test/bench/api/trial_server.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <functional>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::bench;
using steady = std::chrono::steady_clock;

namespace {

constexpr const char* pods_path = "/api/v1/namespaces/default/pods";

double seconds_since(steady::time_point start) {
  return std::chrono::duration<double>(steady::now() - start).count();
}

double own_cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// What both sides use of the machine while something is measured.
class meter {
public:
  explicit meter(const trial_server& of)
      : of_{of}, server_{of.cpu_seconds()}, own_{own_cpu_seconds()} {}
  double seconds() const { return seconds_since(start_); }
  double server_us(double operations) const {
    return (of_.cpu_seconds() - server_) / operations * 1e6;
  }
  double client_us(double operations) const {
    return (own_cpu_seconds() - own_) / operations * 1e6;
  }

private:
  const trial_server& of_;
  double server_, own_;
  steady::time_point start_ = steady::now();
};

using clients = std::vector<std::unique_ptr<load_client>>;

clients connect(const trial_server& to, int count) {
  clients out;
  for (int i = 0; i < count; ++i) out.push_back(std::make_unique<load_client>(to.port, to.tls));
  return out;
}

std::string request(const char* method, const std::string& path, const std::string& body = {},
                    const char* type = "application/json") {
  auto out = std::string(method) + " " + path +
             " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + "Bearer " + admin_token +
             "\r\nUser-Agent: kubectl/v1.33.0\r\nAccept: application/json\r\n";
  if (!body.empty())
    out += std::string("Content-Type: ") + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

void want(std::string_view answer, std::string_view status) {
  if (answer.substr(9, 3) == status) return;
  throw std::runtime_error("an answer is not " + std::string(status) + ": " +
                           std::string(answer.substr(0, 600)));
}

/// `count` requests over `connections` at once; each connection has one under way.
void run(const trial_server& on, const char* what, int connections, int count, const char* status,
         const std::function<std::string(int)>& make) {
  const auto all = connect(on, connections);
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(make(i));
  std::vector<double> took;
  took.reserve(static_cast<size_t>(count));
  const meter used{on};
  for (int i = 0; i < connections && i < count; ++i) all[i]->send(texts[i]);
  for (int i = 0; i < count; ++i) {
    const auto begun = steady::now();
    want(all[i % connections]->answer(), status);
    took.push_back(seconds_since(begun));
    if (i + connections < count) all[i % connections]->send(texts[i + connections]);
  }
  const auto seconds = used.seconds();
  std::nth_element(took.begin(), took.begin() + count / 2, took.end());
  std::printf("%-34s %7.0f/s, server CPU %.0f us each, client CPU %.0f us each", what,
              count / seconds, used.server_us(count), used.client_us(count));
  if (connections == 1) std::printf(", p50 %.2f ms", took[count / 2] * 1e3);
  std::printf("\n");
}

void bench_list(const trial_server& on, int pods) {
  const auto all = connect(on, 1);
  std::vector<double> took;
  size_t size = 0;
  constexpr int rounds = 9;
  const meter used{on};
  for (int i = 0; i < rounds; ++i) {
    const auto start = steady::now();
    all[0]->send(request("GET", pods_path));
    size = all[0]->drop_answer();
    took.push_back(seconds_since(start));
  }
  std::sort(took.begin(), took.end());
  std::printf("list of %d pods, %.1f MB           %.0f ms (least %.0f), server CPU %.0f ms, client "
              "CPU %.0f ms; a pod is %.2f KB\n",
              pods, static_cast<double>(size) / 1e6, took[rounds / 2] * 1e3, took[0] * 1e3,
              used.server_us(rounds) / 1e3, used.client_us(rounds) / 1e3,
              static_cast<double>(size) / pods / 1e3);
}

std::string watch_request(const std::string& label) {
  return request("GET", std::string(pods_path) + "?watch=1&labelSelector=" + label);
}

clients open_watches(const trial_server& on, int count, const std::string& label) {
  auto all = connect(on, count);
  for (auto& each : all) {
    each->send(watch_request(label));
    each->begin_stream();
  }
  return all;
}

/// Takes `events` events from each watch, as they come.
void take_all(const clients& watches, size_t events) {
  const auto poll = ::epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < watches.size(); ++i) {
    epoll_event wanted{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, watches[i]->descriptor(), &wanted);
  }
  for (auto left = watches.size() * events; left > 0;) {
    std::array<epoll_event, 64> ready;
    constexpr int patience_ms = 20'000;
    const auto count = ::epoll_wait(poll, ready.data(), ready.size(), patience_ms);
    if (count <= 0) throw std::runtime_error(std::to_string(left) + " events are missing");
    for (int i = 0; i < count; ++i) {
      auto& from = *watches[ready[static_cast<size_t>(i)].data.u64];
      do left -= from.events();
      while (from.has_more());
    }
  }
  ::close(poll);
}

void bench_watch(const trial_server& on, const pod_shape& shape, int watchers, int pods,
                 const std::string& round) {
  const auto all = open_watches(on, watchers, round);
  constexpr int at_once = 64;
  const auto writers = connect(on, at_once);
  std::vector<std::string> texts;
  for (int i = 0; i < pods; ++i)
    texts.push_back(
        request("POST", pods_path,
                shape.manifest(round + "-" + std::to_string(i), "\"" + round + "\":\"1\",")));
  const meter used{on};
  std::jthread writer([&] {
    for (int i = 0; i < pods + at_once; ++i) {
      if (i >= at_once) want(writers[i % at_once]->answer(), "201");
      if (i < pods) writers[i % at_once]->send(texts[i]);
    }
  });
  take_all(all, static_cast<size_t>(pods));
  const auto seconds = used.seconds();
  writer.join();
  const double events = static_cast<double>(watchers) * pods;
  std::printf("%d watchers, %d pods created     %.0f events/s, server CPU %.1f us each, "
              "client CPU %.1f us each\n",
              watchers, pods, events / seconds, used.server_us(events), used.client_us(events));
}

void bench_idle(const trial_server& on, int watchers) {
  const auto before = on.memory_mib();
  const auto all = open_watches(on, watchers, "nobody"); // nothing to tell at first
  const auto grown = on.memory_mib() - before;
  const meter used{on};
  std::this_thread::sleep_for(std::chrono::seconds{3});
  std::printf("%d idle watches                 %.0f MiB, CPU %.2f %%\n", watchers, grown,
              used.server_us(3) / 1e4);
}

void measure(const trial_server& on, const pod_shape& shape, int pods) {
  std::printf("ready after %.0f ms, %.0f MiB; %s pods\n", on.ready_after_seconds * 1e3,
              on.memory_mib(), shape.name);
  {
    const auto one = connect(on, 1);
    one[0]->send(request("POST", "/api/v1/namespaces/default/serviceaccounts",
                         std::string(R"({"metadata":{"name":"default"},)") +
                             R"("automountServiceAccountToken":)" +
                             (shape.mounts_token ? "true" : "false") + "}"));
    want(one[0]->answer(), "201");
  }
  const auto name = [](int i) { return "web-" + std::to_string(i); };
  const auto at = [&](int i) { return std::string(pods_path) + "/" + name(i); };
  const auto create = [&](const std::string& as) {
    return request("POST", pods_path, shape.manifest(as, {}));
  };
  const auto before = on.memory_mib();
  run(on, "create a pod, 64 connections", 64, pods, "201", [&](int i) { return create(name(i)); });
  std::printf("memory a stored pod                %.1f KB\n",
              (on.memory_mib() - before) * 1024 / pods);
  run(on, "get a pod, 32 connections", 32, 30'000, "200",
      [&](int i) { return request("GET", at(i % pods)); });
  run(on, "strategic merge patch, 32", 32, std::min(pods, 10'000), "200", [&](int i) {
    return request("PATCH", at(i),
                   R"({"metadata":{"labels":{"round":")" + std::to_string(i) + R"("}}})",
                   "application/strategic-merge-patch+json");
  });
  bench_list(on, pods);
  for (auto round : {"first", "second", "third"}) bench_watch(on, shape, 200, 200, round);
  run(on, "create a pod, 1 connection", 1, 500, "201",
      [&](int i) { return create("one-" + std::to_string(i)); });
  bench_idle(on, 10'000);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return std::fprintf(stderr, "usage: bench_api path/to/troupe [pods] [plain|rich]\n"), 2;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  setlinebuf(stdout);
  const int pods = argc > 2 ? std::atoi(argv[2]) : 12'000;
  const bool rich = argc > 3 && std::string_view(argv[3]) == rich_pod.name;
  try {
    measure(trial_server{argv[1]}, rich ? rich_pod : plain_pod, pods);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
