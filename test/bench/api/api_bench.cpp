// What the API server costs: creates, gets, patches, lists and watches of pods over TLS, durable,
// against a server in a process of its own.
// Usage: bench_api path/to/troupe [pods] [plain|rich] [get|patch|list|watch|one|idle]
// The last word leaves out what comes after the creates, but for the one thing that it names.
#include "test/bench/api/pods.hpp"
#include "test/bench/support/load.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <thread>

using namespace troupe;
using namespace troupe::bench;

namespace {

constexpr const char* pods_path = "/api/v1/namespaces/default/pods";

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
    measure(trial_server{argv[1], {"--controllers", "none"}}, rich ? rich_pod : plain_pod, pods,
            argc > 4 ? argv[4] : "");
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
