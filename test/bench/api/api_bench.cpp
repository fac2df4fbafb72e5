// What the API server costs: creates, gets, patches, lists and watches of pods over TLS, durable,
// against a server in a process of its own.
// Usage: bench_api path/to/troupe [pods] [plain|rich] [get|patch|list|watch|one|idle]
// The last word leaves out what comes after the creates, but for the one thing that it names.
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
#include <fstream>
#include <functional>
#include <stdexcept>
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

/// What all processes together have used of the machine, and what its host gave to others.
double busy_seconds() {
  std::ifstream in("/proc/stat");
  std::string word;
  in >> word;
  double all = 0;
  for (int i = 0; i < 8; ++i) {
    constexpr int idle = 3, waiting = 4;
    double ticks = 0;
    in >> ticks;
    if (i != idle && i != waiting) all += ticks;
  }
  return all / static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// What both sides use of the machine while something is measured, and what is left to them.
class meter {
public:
  explicit meter(const trial_server& of)
      : of_{of}, server_{of.cpu_seconds()}, own_{own_cpu_seconds()}, busy_{busy_seconds()} {}
  double seconds() const { return seconds_since(start_); }
  double server_seconds() const { return of_.cpu_seconds() - server_; }

  /// The end of a line: what each of `operations` cost, and how many cores others were using.
  void print(double operations, double seconds) const {
    const auto server = server_seconds(), own = own_cpu_seconds() - own_;
    std::printf("server CPU %.1f us each, client CPU %.1f us each, others %.1f cores\n",
                server / operations * 1e6, own / operations * 1e6,
                std::max(0.0, busy_seconds() - busy_ - server - own) / seconds);
  }

private:
  const trial_server& of_;
  double server_, own_, busy_;
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

/// Tells which clients have something to read.
class selector {
public:
  explicit selector(const clients& of) {
    for (size_t i = 0; i < of.size(); ++i) {
      epoll_event wanted{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, of[i]->descriptor(), &wanted);
    }
  }
  ~selector() { ::close(poll_); }
  selector(const selector&) = delete;

  /// Calls `use` with the number of each client that is ready, once at least one is.
  template<class Use> void wait(Use use) {
    constexpr int patience_ms = 20'000;
    std::array<epoll_event, 64> ready;
    const auto count = ::epoll_wait(poll_, ready.data(), ready.size(), patience_ms);
    if (count <= 0) throw std::runtime_error("nothing came");
    for (int i = 0; i < count; ++i) use(ready[static_cast<size_t>(i)].data.u64);
  }

private:
  const int poll_ = ::epoll_create1(EPOLL_CLOEXEC);
};

/// `texts` over `all` at once: each connection has one under way, and sends the next when it is
/// answered with `status`. Returns how long each took, in seconds.
std::vector<double> answer_all(const clients& all, const std::vector<std::string>& texts,
                               const char* status) {
  std::vector<double> took;
  took.reserve(texts.size());
  std::vector<steady::time_point> begun(all.size());
  size_t next = 0;
  const auto send = [&](size_t by) {
    if (next == texts.size()) return;
    begun[by] = steady::now();
    all[by]->send(texts[next++]);
  };
  selector ready{all};
  for (size_t i = 0; i < all.size(); ++i) send(i);
  while (took.size() < texts.size())
    ready.wait([&](size_t by) {
      want(all[by]->answer(), status);
      took.push_back(seconds_since(begun[by]));
      send(by);
    });
  return took;
}

void run(const trial_server& on, const char* what, int connections, int count, const char* status,
         const std::function<std::string(int)>& make) {
  const auto all = connect(on, connections);
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(make(i));
  const meter used{on};
  auto took = answer_all(all, texts, status);
  const auto seconds = used.seconds();
  const auto middle = took.begin() + count / 2;
  std::nth_element(took.begin(), middle, took.end());
  std::printf("%-27s %7.0f/s, p50 %.2f ms, ", what, count / seconds, *middle * 1e3);
  used.print(count, seconds);
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
  const auto seconds = used.seconds();
  std::sort(took.begin(), took.end());
  std::printf("list of %d pods, %.1f MB (%.2f KB a pod): %.0f ms (least %.0f), ", pods,
              static_cast<double>(size) / 1e6, static_cast<double>(size) / pods / 1e3,
              took[rounds / 2] * 1e3, took[0] * 1e3);
  used.print(rounds, seconds);
}

std::string watch_request(const std::string& label) {
  return request("GET", std::string(pods_path) + "?watch=1&labelSelector=" + label);
}

clients open_watches(const trial_server& on, int count, const std::string& label) {
  clients all;
  for (int i = 0; i < count; ++i) {
    auto& each = all.emplace_back(std::make_unique<load_client>(on.port, on.tls));
    each->send(watch_request(label)); // at once: a server does not wait long for a first request
    each->begin_stream();
  }
  return all;
}

/// Takes `events` events from each watch, as they come.
void take_all(const clients& watches, size_t events) {
  selector ready{watches};
  for (auto left = watches.size() * events; left > 0;)
    ready.wait([&](size_t at) {
      do left -= watches[at]->events();
      while (watches[at]->has_more());
    });
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
  std::jthread writer([&] { answer_all(writers, texts, "201"); });
  take_all(all, static_cast<size_t>(pods));
  const auto seconds = used.seconds();
  writer.join();
  const double events = static_cast<double>(watchers) * pods;
  std::printf("%d watchers, %d pods created: %.0f events/s, ", watchers, pods, events / seconds);
  used.print(events, seconds);
}

void bench_idle(const trial_server& on, int watchers) {
  const auto before = on.memory_mib();
  const auto all = open_watches(on, watchers, "nobody"); // nothing to tell at first
  const auto grown = on.memory_mib() - before;
  const meter used{on};
  std::this_thread::sleep_for(std::chrono::seconds{3});
  std::printf("%d idle watches: %.0f MiB, server CPU %.3f %%\n", watchers, grown,
              used.server_seconds() / used.seconds() * 100);
}

void measure(const trial_server& on, const pod_shape& shape, int pods, std::string_view only) {
  const auto wanted = [&](std::string_view what) { return only.empty() || only == what; };
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
  std::this_thread::sleep_for(
      std::chrono::milliseconds{500}); // so that checkpoints have given back what they read
  std::printf("memory a stored pod: %.1f KB\n", (on.memory_mib() - before) * 1024 / pods);
  if (wanted("get"))
    run(on, "get a pod, 32 connections", 32, 30'000, "200",
        [&](int i) { return request("GET", at(i % pods)); });
  if (wanted("patch"))
    run(on, "strategic merge patch, 32", 32, std::min(pods, 10'000), "200", [&](int i) {
      return request("PATCH", at(i),
                     R"({"metadata":{"labels":{"round":")" + std::to_string(i) + R"("}}})",
                     "application/strategic-merge-patch+json");
    });
  if (wanted("list")) bench_list(on, pods);
  if (wanted("watch"))
    for (auto round : {"first", "second", "third"}) bench_watch(on, shape, 200, 200, round);
  if (wanted("one"))
    run(on, "create a pod, 1 connection", 1, 500, "201",
        [&](int i) { return create("one-" + std::to_string(i)); });
  if (wanted("idle")) bench_idle(on, 10'000);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return std::fprintf(stderr, "usage: bench_api path/to/troupe [pods] [plain|rich] "
                                "[get|patch|list|watch|one|idle]\n"),
           2;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  setlinebuf(stdout);
  const int pods = argc > 2 ? std::atoi(argv[2]) : 12'000;
  const bool rich = argc > 3 && std::string_view(argv[3]) == rich_pod.name;
  try {
    measure(trial_server{argv[1]}, rich ? rich_pod : plain_pod, pods, argc > 4 ? argv[4] : "");
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
