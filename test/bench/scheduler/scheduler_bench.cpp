// Decisions only: pods that are known already find places on nodes that are there already.
//   bench_scheduler [SEED]
#include "test/support/scheduling.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace troupe;
using namespace troupe::testing;
using clock_type = std::chrono::steady_clock;

namespace {

struct scenario {
  const char* name;
  int nodes;
  int pods;
  std::string spec; ///< more of the pods' spec
  int shapes = 1;   ///< so many kinds of pods take turns
  double goal = 0;  ///< pods a second
};

std::string labelled(const std::string& spec) {
  return "{metadata: {labels: {app: web}}, " + spec + "}";
}

void run(const scenario& s, uint64_t seed) {
  scheduler::core core(seed);
  for (int i = 0; i < s.nodes; ++i)
    core.hear_node(node_entry("node-" + std::to_string(i),
                              "topology.kubernetes.io/zone: zone-" + std::to_string(i % 10), "",
                              "32", "256Gi", 1000),
                   false);
  std::vector<storage::entry_ptr> pods;
  for (int i = 0; i < s.pods; ++i)
    pods.push_back(
        pod_entry("pod-" + std::to_string(i),
                  labelled(asking(std::to_string(100 + i % s.shapes) + "m", "128Mi", s.spec))));
  for (auto& p : pods) core.hear_pod(p, false);
  int bound = 0;
  auto start = clock_type::now();
  for (;;) {
    auto decisions = core.decide(256, {});
    if (decisions.empty()) break;
    for (auto& d : decisions) bound += std::holds_alternative<scheduler::bind_pod>(d);
  }
  std::chrono::duration<double> took = clock_type::now() - start;
  printf("%-44s %7d nodes %6d of %6d pods bound %10.0f pods/s   goal %6.0f\n", s.name, s.nodes,
         bound, s.pods, bound / took.count(), s.goal);
  fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  auto seed = argc > 1 ? strtoull(argv[1], nullptr, 10) : 1;
  printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const std::string term = "{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: "
                           "{app: web}}}";
  const std::string zone_term = "{topologyKey: topology.kubernetes.io/zone, labelSelector: "
                                "{matchLabels: {app: web}}}";
  const std::string required = "requiredDuringSchedulingIgnoredDuringExecution";
  const std::string spread = "{maxSkew: 1, whenUnsatisfiable: DoNotSchedule, labelSelector: "
                             "{matchLabels: {app: web}}, topologyKey: ";
  const scenario all[] = {
      {"basic", 1'000, 30'000, "", 1, 50'000},
      {"basic", 5'000, 30'000, "", 1, 30'000},
      {"basic, 50 shapes in turn", 5'000, 30'000, "", 50, 30'000},
      {"basic, 500 shapes in turn", 5'000, 3'000, "", 500, 0},
      {"required anti-affinity by host", 5'000, 4'500,
       "affinity: {podAntiAffinity: {" + required + ": [" + term + "]}}", 1, 10'000},
      {"required affinity by zone", 5'000, 10'000,
       "affinity: {podAffinity: {" + required + ": [" + zone_term + "]}}", 1, 10'000},
      {"topology spread by zone", 5'000, 10'000,
       "topologySpreadConstraints: [" + spread + "topology.kubernetes.io/zone}]", 1, 10'000},
      {"topology spread by host", 5'000, 10'000,
       "topologySpreadConstraints: [" + spread + "kubernetes.io/hostname}]", 1, 10'000},
      {"basic", 100'000, 30'000, "", 1, 5'000},
      {"basic, 50 shapes in turn", 100'000, 5'000, "", 50, 0},
  };
  for (auto& s : all) run(s, seed);
}
