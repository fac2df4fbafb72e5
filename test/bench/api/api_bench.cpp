// What the API server costs: creates, gets, patches, lists and watches of pods over TLS, durable,
// against a server in a process of its own. Usage: bench_api path/to/troupe [pods]
#include "net/tls/files.hpp"
#include "test/net/support/raw_client.hpp"
#include "test/storage/temporary_directory.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>
#include <vector>

using namespace troupe;
using clock_type = std::chrono::steady_clock;
using test::raw_client;

namespace {

constexpr const char* token = "bench-token";
constexpr const char* pods_path = "/api/v1/namespaces/default/pods";

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

double own_cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](timeval t) { return t.tv_sec + t.tv_usec / 1e6; };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// A server with a store of its own, stopped at the end.
class server {
public:
  explicit server(const char* program) {
    std::ofstream(where_.path + "/tokens") << token << ",bench,1,\"system:masters\"\n";
    ::chmod((where_.path + "/tokens").c_str(), 0600);
    child_ = ::fork();
    if (child_ == 0) {
      const auto tokens = where_.path + "/tokens";
      ::execl(program, program, "server", "--data", where_.path.c_str(), "--address", "127.0.0.1",
              "--port", "0", "--controllers", "none", "--token-file", tokens.c_str(), nullptr);
      std::_Exit(127);
    }
    const auto start = clock_type::now();
    std::string text;
    while (text.find("server: ") == text.npos && seconds_since(start) < 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      std::ifstream in(where_.path + "/admin.kubeconfig");
      text.assign(std::istreambuf_iterator<char>(in), {});
    }
    const auto colon = text.find(':', text.find("127.0.0.1"));
    if (colon == text.npos) std::abort();
    port = static_cast<uint16_t>(std::stoi(text.substr(colon + 1)));
    std::printf("ready after %.0f ms, %.0f MiB\n", seconds_since(start) * 1e3, memory_mib());
    tls = *tls::context::make(tls::style::public_client,
                              {{}, {}, *tls::load_file(where_.path + "/pki/ca.crt")});
  }
  ~server() {
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
  }

  double cpu_seconds() const {
    std::ifstream in("/proc/" + std::to_string(child_) + "/stat");
    std::string text(std::istreambuf_iterator<char>(in), {});
    std::istringstream rest(text.substr(text.rfind(')') + 2));
    std::string word;
    for (int i = 0; i < 11; ++i) rest >> word;
    double user = 0, system = 0;
    rest >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  double memory_mib() const {
    std::ifstream in("/proc/" + std::to_string(child_) + "/statm");
    double total = 0, resident = 0;
    in >> total >> resident;
    return resident * 4096 / (1024 * 1024);
  }
  std::unique_ptr<raw_client> client() const { return std::make_unique<raw_client>(port, tls); }

  uint16_t port = 0;
  std::shared_ptr<const tls::context> tls;

private:
  test::temporary_directory where_;
  pid_t child_ = 0;
};

std::string request(const char* method, const std::string& path, const std::string& body = {},
                    const char* type = "application/json") {
  auto out = std::string(method) + " " + path +
             " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + "Bearer " + token +
             "\r\nUser-Agent: kubectl/v1.33.0\r\nAccept: application/json\r\n";
  if (!body.empty())
    out += std::string("Content-Type: ") + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

std::string pod(const std::string& name) {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
         R"(","labels":{"app":"web","tier":"front"},"annotations":{"example.com/owner":"team-a"}},
"spec":{"containers":[{"name":"web","image":"registry.example/web:1.2.3","ports":[{"containerPort":8080,
"name":"http"}],"env":[{"name":"MODE","value":"production"},{"name":"NODE","valueFrom":{"fieldRef":{
"fieldPath":"spec.nodeName"}}}],"resources":{"requests":{"cpu":"100m","memory":"64Mi"},"limits":{
"memory":"128Mi"}},"readinessProbe":{"httpGet":{"path":"/ready","port":"http"}}}]}})";
}

void want(const std::string& answer, const char* status) {
  if (answer.compare(9, 3, status) == 0) return;
  std::fprintf(stderr, "an answer is not %s: %.600s\n", status, answer.c_str());
  std::exit(1);
}

/// `count` requests over `connections` at once; each connection has one under way.
void run(const server& on, const char* what, int connections, int count, const char* status,
         const std::function<std::string(int)>& make) {
  std::vector<std::unique_ptr<raw_client>> all;
  for (int i = 0; i < connections; ++i) all.push_back(on.client());
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(make(i));
  std::vector<double> took;
  const auto cpu = on.cpu_seconds(), own = own_cpu_seconds();
  const auto start = clock_type::now();
  for (int i = 0; i < connections && i < count; ++i) all[i]->send(texts[i]);
  for (int i = 0; i < count; ++i) {
    const auto begun = clock_type::now();
    want(all[i % connections]->answer(), status);
    took.push_back(seconds_since(begun));
    if (i + connections < count) all[i % connections]->send(texts[i + connections]);
  }
  const auto seconds = seconds_since(start);
  std::nth_element(took.begin(), took.begin() + count / 2, took.end());
  std::printf("%-34s %7.0f/s, server CPU %.0f us each, client CPU %.0f us each", what,
              count / seconds, (on.cpu_seconds() - cpu) / count * 1e6,
              (own_cpu_seconds() - own) / count * 1e6);
  if (connections == 1) std::printf(", p50 %.2f ms", took[count / 2] * 1e3);
  std::printf("\n");
}

void bench_list(const server& on, int pods) {
  auto client = on.client();
  std::vector<double> took;
  size_t size = 0;
  const auto cpu = on.cpu_seconds();
  constexpr int rounds = 7;
  for (int i = 0; i < rounds; ++i) {
    const auto start = clock_type::now();
    client->send(request("GET", pods_path));
    size = client->answer().size();
    took.push_back(seconds_since(start));
  }
  std::sort(took.begin(), took.end());
  std::printf("list of %d pods, %.1f MB               %.0f ms (least %.0f), server CPU %.0f ms\n",
              pods, static_cast<double>(size) / 1e6, took[rounds / 2] * 1e3, took[0] * 1e3,
              (on.cpu_seconds() - cpu) / rounds * 1e3);
}

std::string watch_request(const std::string& label) {
  return request("GET", std::string(pods_path) + "?watch=1&labelSelector=" + label);
}

void bench_watch(const server& on, int watchers, int pods) {
  std::vector<std::unique_ptr<raw_client>> all;
  for (int i = 0; i < watchers; ++i) {
    all.push_back(on.client());
    all.back()->send(watch_request("watched"));
    all.back()->until("\r\n\r\n");
  }
  const auto cpu = on.cpu_seconds(), own = own_cpu_seconds();
  const auto start = clock_type::now();
  std::thread writer([&] {
    std::vector<std::unique_ptr<raw_client>> writers;
    for (int i = 0; i < 32; ++i) writers.push_back(on.client());
    for (int i = 0; i < pods; i += 32) {
      for (int k = i; k < std::min(i + 32, pods); ++k) {
        auto body = pod("watched-" + std::to_string(k));
        body.insert(body.find("\"app\""), "\"watched\":\"1\",");
        writers[k % 32]->send(request("POST", pods_path, body));
      }
      for (int k = i; k < std::min(i + 32, pods); ++k) want(writers[k % 32]->answer(), "201");
    }
  });
  for (auto& each : all)
    for (int i = 0; i < pods; ++i) each->until("}\n");
  writer.join();
  const double events = static_cast<double>(watchers) * pods;
  std::printf("%d watchers, %d pods created          %.0f events/s, server CPU %.1f us each, "
              "client CPU %.1f us each\n",
              watchers, pods, events / seconds_since(start),
              (on.cpu_seconds() - cpu) / events * 1e6, (own_cpu_seconds() - own) / events * 1e6);
}

void bench_idle(const server& on, int watchers) {
  std::vector<std::unique_ptr<raw_client>> all;
  const auto before = on.memory_mib();
  for (int i = 0; i < watchers; ++i) {
    all.push_back(on.client());
    all.back()->send(watch_request("nobody")); // nothing to tell at first
    all.back()->until("\r\n\r\n");
  }
  const auto cpu = on.cpu_seconds();
  const auto grown = on.memory_mib() - before;
  std::this_thread::sleep_for(std::chrono::seconds{3});
  std::printf("%d idle watches                    %.0f MiB, CPU %.2f %%\n", watchers, grown,
              (on.cpu_seconds() - cpu) / 3 * 100);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: bench_api path/to/troupe [pods]\n"), 2;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  setlinebuf(stdout);
  const int pods = argc > 2 ? std::atoi(argv[2]) : 12'000;
  const server on(argv[1]);
  {
    auto client = on.client();
    client->send(request("POST", "/api/v1/namespaces/default/serviceaccounts",
                         R"({"metadata":{"name":"default"}})"));
    want(client->answer(), "201");
  }
  const auto name = [](int i) { return "web-" + std::to_string(i); };
  const auto at = [&](int i) { return std::string(pods_path) + "/" + name(i); };
  const auto before = on.memory_mib();
  run(on, "create a pod, 64 connections", 64, pods, "201",
      [&](int i) { return request("POST", pods_path, pod(name(i))); });
  std::printf("memory a stored pod                %.1f KB\n",
              (on.memory_mib() - before) * 1024 / pods);
  run(on, "create a pod, 1 connection", 1, 500, "201",
      [&](int i) { return request("POST", pods_path, pod("one-" + std::to_string(i))); });
  run(on, "get a pod, 32 connections", 32, 30'000, "200",
      [&](int i) { return request("GET", at(i % pods)); });
  run(on, "strategic merge patch, 32", 32, std::min(pods, 10'000), "200", [&](int i) {
    return request("PATCH", at(i),
                   R"({"metadata":{"labels":{"round":")" + std::to_string(i) + R"("}}})",
                   "application/strategic-merge-patch+json");
  });
  bench_list(on, pods + 500);
  bench_watch(on, 200, 200);
  bench_idle(on, 10'000);
}
