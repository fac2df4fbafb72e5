// What a cluster of pretended nodes does, from the request of a client over TLS on, with durable
// writes: pods until all are bound, a Deployment until it runs, has been rolled and is gone.
//   bench_cluster [NODES] [PODS] [REPLICAS] [REST] [GROWS]
// The Deployment is asked for at once, or bit by bit in GROWS milliseconds. In the end the cluster
// is left alone for REST seconds and then looked at for as long: what does it use?
#include "test/bench/cluster/watcher.hpp"
#include "test/bench/support/load.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <thread>

using namespace troupe;
using namespace troupe::bench;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 120s;
constexpr auto between_looks = 2ms;
constexpr int connections = 64;

std::string ask(test::raw_client& client, const std::string& text) {
  client.send(text);
  return client.answer();
}

/// Whether a list would be empty.
bool none(test::raw_client& client, const std::string& path) {
  return ask(client, request("GET", path + "&limit=1")).find("\"items\":[]") != std::string::npos;
}

template<class Done> double wait_until(Done done) {
  auto start = steady::now();
  while (!done()) {
    if (steady::now() - start > patience) throw std::runtime_error("it does not settle");
    std::this_thread::sleep_for(between_looks);
  }
  return seconds_since(start);
}

std::string pod_text(int i) {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-)" + std::to_string(i) +
         R"("},"spec":{"containers":[{"name":"c","image":"registry.example/app:1",)"
         R"("resources":{"requests":{"cpu":"100m","memory":"64Mi"}}}]}})";
}

/// Clients of their own each ask for the next pod as soon as they have their answer, as many
/// programs at once would; the clock runs until every pod has its node, and on until all run.
void create_pods(const trial_server& on, int pods) {
  std::vector<std::string> texts;
  for (int i = 0; i < pods; ++i)
    texts.push_back(request("POST", "/api/v1/namespaces/default/pods", pod_text(i)));
  auto all = connect(on, connections);
  const meter used{on};
  auto start = steady::now();
  answer_all(all, texts, "201");
  auto created = seconds_since(start);
  test::raw_client looker(on.port, on.tls); // a connection that asks nothing for long is closed
  wait_until([&] {
    return none(looker, "/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName%3D");
  });
  auto bound = seconds_since(start);
  wait_until([&] {
    return none(looker, "/api/v1/namespaces/default/"
                        "pods?fieldSelector=status.phase%21%3DRunning");
  });
  auto running = seconds_since(start);
  printf("%d pods: created in %.2f s, bound after %.2f s (%.0f pods/s end to end), running after "
         "%.2f s, ",
         pods, created, bound, pods / bound, running);
  used.print(pods, running);
}

/// From a pod's readiness to the slice that shows it, as two watching clients hear of them.
class slice_delays {
public:
  /// Of pods of that version of their template.
  slice_delays(const trial_server& on, const char* version)
      : from_{revision(on)},
        pods_{on.port, on.tls,
              request("GET", "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb%2Cv%3D" +
                                 std::string(version) + from_)},
        slices_{on.port, on.tls,
                request("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?"
                               "labelSelector=kubernetes.io/service-name%3Dweb" +
                                   from_)} {}

  void tell(const char* during) {
    using clock = watcher::clock;
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
    printf(
        "%s, a ready pod is in its slice after: p50 %.1f ms, p99 %.1f ms, most %.1f ms (bar: p99 "
        "5 ms); %zu pods of %zu, %zu events of slices\n",
        during, at(0.5), at(0.99), at(1), delays.size(), ready.size(), events);
  }

private:
  /// What follows the present.
  static std::string revision(const trial_server& on) {
    test::raw_client client(on.port, on.tls);
    auto list = ask(client, request("GET", "/api/v1/namespaces/default/pods?limit=1"));
    auto body = boost::json::parse(list.substr(list.find("\r\n\r\n") + 4));
    auto& now = body.at("metadata").at("resourceVersion").as_string();
    return "&watch=1&resourceVersion=" + std::string(now);
  }

  std::string from_;
  watcher pods_, slices_;
};

/// Asks for more replicas bit by bit, so that all are asked for after that time.
void grow(test::raw_client& client, const std::string& path, int replicas,
          std::chrono::milliseconds over) {
  constexpr auto step = 20ms;
  const auto steps = std::max<int64_t>(over / step, 1);
  auto next = steady::now();
  for (int64_t i = 1; i <= steps; ++i) {
    ask(client, request("PATCH", path,
                        R"({"spec":{"replicas":)" + std::to_string(replicas * i / steps) + "}}",
                        "application/merge-patch+json"));
    std::this_thread::sleep_until(next += step);
  }
}

void live_deployment(const trial_server& on, int replicas, std::chrono::milliseconds over) {
  test::raw_client client(on.port, on.tls);
  ask(client, request("POST", "/api/v1/namespaces/default/services",
                      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{)"
                      R"("selector":{"app":"web"},"ports":[{"port":80}]}})"));
  auto delays = std::make_unique<slice_delays>(on, "1");
  const std::string base = "/apis/apps/v1/namespaces/default/deployments";
  auto number = std::to_string(replicas);
  auto settled = [&] {
    auto now = ask(client, request("GET", base + "/web"));
    for (auto field : {"replicas", "updatedReplicas", "readyReplicas"})
      if (now.find("\"" + std::string(field) + "\":" + number + ",") == now.npos) return false;
    auto generation = now.find("\"generation\":"), end = now.find(',', generation);
    return now.find("\"observedG" + now.substr(generation + 2, end - generation - 2) + ",") !=
           now.npos;
  };
  auto start = steady::now();
  auto made = ask(client, request("POST", base,
                                  R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{)"
                                  R"("name":"web"},"spec":{"replicas":)" +
                                      (over > 0ms ? "0" : number) +
                                      R"(,"selector":{"matchLabels":{"app":"web"}},"template":{)"
                                      R"("metadata":{"labels":{"app":"web","v":"1"}},"spec":{)"
                                      R"("containers":[{"name":"c","image":"a:1"}]}}}})"));
  if (made.find(" 201 ") == made.npos) throw std::runtime_error(made);
  if (over > 0ms) grow(client, base + "/web", replicas, over);
  wait_until(settled);
  auto made_in = seconds_since(start);
  delays->tell("as they come");
  delays = std::make_unique<slice_delays>(on, "2");
  start = steady::now();
  ask(client,
      request("PATCH", base + "/web", R"({"spec":{"template":{"metadata":{"labels":{"v":"2"}}}}})",
              "application/strategic-merge-patch+json"));
  wait_until(settled);
  auto rolled_in = seconds_since(start);
  delays->tell("as they are replaced");
  start = steady::now();
  ask(client, request("DELETE", base + "/web"));
  wait_until(
      [&] { return none(client, "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"); });
  printf("a deployment of %d: all running after %.2f s, rolled in %.2f s, gone in %.2f s\n",
         replicas, made_in, rolled_in, seconds_since(start));
}

void await_nodes(const trial_server& on, int nodes) {
  test::raw_client client(on.port, on.tls);
  auto after = wait_until([&] {
    auto answer = ask(client, request("GET", "/api/v1/nodes"));
    size_t ready = 0;
    for (size_t at = 0; (at = answer.find("KubeletReady", at)) != answer.npos; ++at) ++ready;
    return ready == static_cast<size_t>(nodes) &&
           answer.find("node.kubernetes.io/not-ready") == answer.npos;
  });
  printf("%d nodes ready after %.2f s, %.0f MiB\n", nodes, after, on.memory_mib());
}

void look_at_rest(const trial_server& on, std::chrono::seconds rest) {
  printf("%.0f MiB; ", on.memory_mib());
  std::this_thread::sleep_for(rest); // whatever is still going on ends
  const meter used{on};
  std::this_thread::sleep_for(rest);
  printf("at rest: %.2f %% of a core, %.0f MiB\n", used.server_seconds() / used.seconds() * 100,
         on.memory_mib());
}

} // namespace

int main(int argc, char** argv) {
  int nodes = argc > 1 ? atoi(argv[1]) : 1'000;
  int pods = argc > 2 ? atoi(argv[2]) : 5'000;
  int replicas = argc > 3 ? atoi(argv[3]) : 1'000;
  int rest = argc > 4 ? atoi(argv[4]) : 10;
  int grows = argc > 5 ? atoi(argv[5]) : 0;
  if (nodes < 1 || pods < 0 || replicas < 0 || rest < 1 || grows < 0)
    return fprintf(stderr, "usage: bench_cluster [NODES [PODS [REPLICAS [REST [GROWS]]]]]\n"), 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    trial_server on(TROUPE_PROGRAM, {"--hollow", std::to_string(nodes)});
    await_nodes(on, nodes);
    if (pods > 0) create_pods(on, pods);
    if (replicas > 0) live_deployment(on, replicas, std::chrono::milliseconds{grows});
    look_at_rest(on, std::chrono::seconds{rest});
  } catch (const std::exception& failure) {
    return fprintf(stderr, "%s\n", failure.what()), 1;
  }
}
