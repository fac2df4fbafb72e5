// What a cluster of pretended nodes does, from the request of a client over TLS on, with durable
// writes: pods until all are bound, a Deployment until it runs, has been rolled and is gone.
//   bench_cluster [NODES] [PODS] [REPLICAS]
#include "net/tls/context.hpp"
#include "net/tls/files.hpp"
#include "test/bench/cluster/watcher.hpp"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

using namespace troupe;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 120s;
constexpr auto between_looks = 2ms;

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// A server of its own, in a directory of its own.
class server {
public:
  explicit server(int nodes) : data_{make_directory()} {
    std::ofstream(data_ / "tokens") << "bench-token,admin,1,\"system:masters\"\n";
    std::filesystem::permissions(data_ / "tokens", std::filesystem::perms::owner_read);
    pid_ = fork();
    if (pid_ == 0) {
      auto hollow = std::to_string(nodes);
      auto tokens = (data_ / "tokens").string();
      if (!freopen((data_ / "log").c_str(), "w", stderr)) _exit(1);
      execl(TROUPE_PROGRAM, "troupe", "server", "--data", data_.c_str(), "--address", "127.0.0.1",
            "--port", "0", "--token-file", tokens.c_str(), "--hollow", hollow.c_str(), nullptr);
      _exit(127);
    }
    auto kubeconfig = data_ / "admin.kubeconfig";
    auto start = clock_type::now();
    while (!std::filesystem::exists(kubeconfig) || port() == 0) {
      if (seconds_since(start) > 20) fail("the server did not come up");
      std::this_thread::sleep_for(10ms);
    }
  }
  ~server() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    if (getenv("KEEPLOG")) std::filesystem::copy_file(data_ / "log", getenv("KEEPLOG"), std::filesystem::copy_options::overwrite_existing);
    std::filesystem::remove_all(data_);
  }

  uint16_t port() const {
    std::ifstream in(data_ / "admin.kubeconfig");
    std::string line;
    while (std::getline(in, line))
      if (auto at = line.find("https://127.0.0.1:"); at != line.npos)
        return static_cast<uint16_t>(atoi(line.c_str() + at + 18));
    return 0;
  }
  double resident_mib() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/statm");
    size_t total = 0, resident = 0;
    in >> total >> resident;
    return static_cast<double>(resident) * 4096 / (1 << 20);
  }
  double cpu_seconds() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/stat");
    std::string word;
    double ticks = 0;
    for (int i = 1; i <= 15 && in >> word; ++i)
      if (i >= 14) ticks += atof(word.c_str());
    return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  std::shared_ptr<const tls::context> tls() const {
    auto authority = *tls::load_file(data_ / "pki" / "ca.crt");
    return *tls::context::make(tls::style::public_client, {{}, {}, authority});
  }
  [[noreturn]] static void fail(const char* why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
  }

private:
  static std::filesystem::path make_directory() {
    char name[] = "/tmp/troupe-bench.XXXXXX";
    if (!mkdtemp(name)) fail("no temporary directory");
    return name;
  }
  std::filesystem::path data_;
  pid_t pid_ = 0;
};

std::string request(const std::string& method, const std::string& path,
                    const std::string& body = "", const char* type = "application/json") {
  return method + " " + path +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer bench-token\r\nAccept: "
         "application/json\r\nContent-Type: " +
         type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string ask(test::raw_client& client, const std::string& text) {
  client.send(text);
  return client.answer();
}

/// Whether a list would be empty.
bool none(test::raw_client& client, const std::string& path) {
  return ask(client, request("GET", path + "&limit=1")).find("\"items\":[]") != std::string::npos;
}

template<class Done> double wait_until(Done done) {
  auto start = clock_type::now();
  while (!done()) {
    if (clock_type::now() - start > patience) server::fail("it does not settle");
    std::this_thread::sleep_for(between_looks);
  }
  return seconds_since(start);
}

std::string pod_text(int i) {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-)" + std::to_string(i) +
         R"("},"spec":{"containers":[{"name":"c","image":"registry.example/app:1",)"
         R"("resources":{"requests":{"cpu":"100m","memory":"64Mi"}}}]}})";
}

void create_pods(const server& on, int pods) {
  constexpr int connections = 32;
  std::vector<std::unique_ptr<test::raw_client>> all;
  auto tls = on.tls();
  for (int i = 0; i < connections; ++i)
    all.push_back(std::make_unique<test::raw_client>(on.port(), tls));
  auto start = clock_type::now();
  for (int i = 0; i < pods; i += connections) {
    int end = std::min(connections, pods - i);
    for (int k = 0; k < end; ++k)
      all[static_cast<size_t>(k)]->send(
          request("POST", "/api/v1/namespaces/default/pods", pod_text(i + k)));
    for (int k = 0; k < end; ++k)
      if (auto a = all[static_cast<size_t>(k)]->answer(); a.find(" 201 ") == a.npos)
        server::fail(a.c_str());
  }
  auto created = seconds_since(start);
  wait_until([&] {
    return none(*all[0], "/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName%3D");
  });
  auto bound = seconds_since(start);
  wait_until([&] {
    return none(*all[0], "/api/v1/namespaces/default/"
                         "pods?fieldSelector=status.phase%21%3DRunning");
  });
  printf("%d pods: created in %.2f s, bound after %.2f s (%.0f pods/s end to end), running after "
         "%.2f s\n",
         pods, created, bound, pods / bound, seconds_since(start));
}

/// From a pod's readiness to the slice that shows it, as two watching clients hear of them.
class slice_delays {
public:
  explicit slice_delays(const server& on)
      : pods_{on.port(), on.tls(),
              request("GET", "/api/v1/namespaces/default/pods?watch=1&labelSelector=app%3Dweb")},
        slices_{on.port(), on.tls(),
                request("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?"
                               "watch=1&labelSelector=kubernetes.io/service-name%3Dweb")} {}

  void tell() {
    using clock = bench::watcher::clock;
    std::map<std::string, clock::time_point> ready, shown;
    pods_.end([&](clock::time_point when, const boost::json::value& event) {
      auto& object = event.at("object");
      auto status = object.at("status").as_object().if_contains("conditions");
      if (!status) return;
      for (auto& c : status->as_array())
        if (c.at("type") == "Ready" && c.at("status") == "True")
          ready.emplace(object.at("metadata").at("name").as_string().c_str(), when);
    });
    size_t events = 0;
    slices_.end([&](clock::time_point when, const boost::json::value& event) {
      ++events;
      auto endpoints = event.at("object").as_object().if_contains("endpoints");
      if (!endpoints || !endpoints->is_array()) return;
      for (auto& e : endpoints->as_array())
        if (e.at("conditions").at("ready") == true)
          shown.emplace(e.at("targetRef").at("name").as_string().c_str(), when);
    });
    std::vector<double> delays;
    for (auto& [pod, when] : ready)
      if (auto hit = shown.find(pod); hit != shown.end())
        delays.push_back(std::chrono::duration<double, std::milli>(hit->second - when).count());
    if (delays.empty()) return;
    std::sort(delays.begin(), delays.end());
    auto at = [&](double share) {
      return std::max(delays[static_cast<size_t>(share * static_cast<double>(delays.size() - 1))],
                      0.0);
    };
    printf("a ready pod is in its slice after: p50 %.1f ms, p99 %.1f ms, most %.1f ms (bar: p99 "
           "5 ms); %zu pods of %zu, %zu events of slices\n",
           at(0.5), at(0.99), at(1), delays.size(), ready.size(), events);
  }

private:
  bench::watcher pods_, slices_;
};

void live_deployment(const server& on, int replicas) {
  test::raw_client client(on.port(), on.tls());
  ask(client, request("POST", "/api/v1/namespaces/default/services",
                      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{)"
                      R"("selector":{"app":"web"},"ports":[{"port":80}]}})"));
  slice_delays delays(on);
  const std::string base = "/apis/apps/v1/namespaces/default/deployments";
  auto number = std::to_string(replicas);
  auto settled = [&](const char* generation) {
    auto now = ask(client, request("GET", base + "/web"));
    for (auto field : {"replicas", "updatedReplicas", "readyReplicas"})
      if (now.find("\"" + std::string(field) + "\":" + number + ",") == now.npos) return false;
    return now.find("\"observedGeneration\":" + std::string(generation)) != now.npos;
  };
  auto start = clock_type::now();
  auto made = ask(client, request("POST", base,
                                  R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{)"
                                  R"("name":"web"},"spec":{"replicas":)" +
                                      number +
                                      R"(,"selector":{"matchLabels":{"app":"web"}},"template":{)"
                                      R"("metadata":{"labels":{"app":"web","v":"1"}},"spec":{)"
                                      R"("containers":[{"name":"c","image":"a:1"}]}}}})"));
  if (made.find(" 201 ") == made.npos) server::fail(made.c_str());
  wait_until([&] { return settled("1"); });
  printf("a deployment of %d: all running after %.2f s", replicas, seconds_since(start));
  fflush(stdout);
  start = clock_type::now();
  ask(client,
      request("PATCH", base + "/web", R"({"spec":{"template":{"metadata":{"labels":{"v":"2"}}}}})",
              "application/strategic-merge-patch+json"));
  wait_until([&] { return settled("2"); });
  printf(", rolled in %.2f s", seconds_since(start));
  fflush(stdout);
  start = clock_type::now();
  ask(client, request("DELETE", base + "/web"));
  wait_until(
      [&] { return none(client, "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"); });
  printf(", gone in %.2f s\n", seconds_since(start));
  delays.tell();
}

} // namespace

int main(int argc, char** argv) {
  int nodes = argc > 1 ? atoi(argv[1]) : 1'000;
  int pods = argc > 2 ? atoi(argv[2]) : 5'000;
  int replicas = argc > 3 ? atoi(argv[3]) : 1'000;
  if (nodes < 1 || pods < 0 || replicas < 0)
    return fprintf(stderr, "usage: bench_cluster [NODES [PODS [REPLICAS]]]\n"), 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  server on(nodes);
  test::raw_client client(on.port(), on.tls());
  auto start = clock_type::now();
  wait_until([&] {
    auto answer = ask(client, request("GET", "/api/v1/nodes"));
    size_t ready = 0;
    for (size_t at = 0; (at = answer.find("KubeletReady", at)) != answer.npos; ++at) ++ready;
    return ready == static_cast<size_t>(nodes) &&
           answer.find("node.kubernetes.io/not-ready") == answer.npos;
  });
  printf("%d nodes ready after %.2f s, %.0f MiB\n", nodes, seconds_since(start), on.resident_mib());
  create_pods(on, pods);
  printf("%.0f MiB\n", on.resident_mib());
  if (replicas > 0) live_deployment(on, replicas);
  std::this_thread::sleep_for(2s); // whatever is still going on ends
  auto cpu = on.cpu_seconds();
  std::this_thread::sleep_for(5s);
  printf("at rest: %.1f %% of a core, %.0f MiB\n", (on.cpu_seconds() - cpu) / 5 * 100,
         on.resident_mib());
}
