#include "actors/scheduler/profile_config.hpp"
#include "actors/scheduler/scores.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(scheduler_scores_test)

using namespace troupe;
using namespace troupe::testing;
using scheduler::core;

namespace {

constexpr uint64_t seed = 4;

std::string chosen(core& c, const std::string& pod) {
  c.hear_pod(pod_entry("p", pod), false);
  return outcome(c)["p"];
}

storage::entry_ptr with_image(const std::string& name, const std::string& image) {
  auto entry = node_entry(name);
  k8s::core::v1::Node node;
  gateway::read_entry(*entry, node);
  auto& i = *node.mutable_status()->add_images();
  i.add_names(image);
  i.set_size_bytes(int64_t{900} << 20);
  return entry_of(core_kind("nodes"), node);
}

} // namespace

BOOST_AUTO_TEST_CASE(pods_go_where_there_is_more_room) {
  core c(seed);
  c.hear_node(node_entry("small", "", "", "4", "16Gi"), false);
  c.hear_node(node_entry("large", "", "", "16", "64Gi"), false);
  BOOST_TEST(chosen(c, asking("2", "8Gi")) == "large");
}

BOOST_AUTO_TEST_CASE(who_asks_for_nothing_is_not_drawn_by_balance) {
  scheduler::resource_names names;
  scheduler::node_table table{names};
  k8s::core::v1::Node object;
  gateway::read_entry(*node_entry("a", "", "", "4", "16Gi"), object);
  auto n = table.put_node(entry_of(core_kind("nodes"), object), object);
  scheduler::pod_needs none, even, uneven;
  even.needs = {{scheduler::cpu, 1'000}, {scheduler::memory, int64_t{4} << 30}};
  uneven.needs = {{scheduler::cpu, 2'000}};
  BOOST_TEST(scheduler::scores::balance(table, none, n) == 0);
  BOOST_TEST(scheduler::scores::balance(table, even, n) == 100);
  BOOST_TEST(scheduler::scores::balance(table, uneven, n) == 75);
  (*object.mutable_status()->mutable_allocatable())["memory"].set_string("0");
  table.put_node(entry_of(core_kind("nodes"), object), object);
  BOOST_TEST(scheduler::scores::balance(table, uneven, n) == 100);
}

BOOST_AUTO_TEST_CASE(or_where_there_is_less_if_told_so) {
  auto given = scheduler::read_profiles(R"(
kind: KubeSchedulerConfiguration
profiles:
- pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated}}
)");
  BOOST_REQUIRE(given);
  core c(seed);
  c.use(*given);
  c.hear_node(node_entry("small", "", "", "4", "16Gi"), false);
  c.hear_node(node_entry("large", "", "", "16", "64Gi"), false);
  BOOST_TEST(chosen(c, asking("2", "8Gi")) == "small");
}

BOOST_AUTO_TEST_CASE(preferences_are_followed_by_their_weight) {
  core c(seed);
  c.hear_node(node_entry("a", "disk: ssd"), false);
  c.hear_node(node_entry("b", "zone: near"), false);
  auto prefer = [](int ssd, int near) {
    auto term = [](int weight, const char* key, const char* value) {
      return "{weight: " + std::to_string(weight) +
             ", preference: {matchExpressions: [{key: " + key + ", operator: In, values: [" +
             value + "]}]}}";
    };
    return asking("1", "1Gi",
                  "affinity: {nodeAffinity: "
                  "{preferredDuringSchedulingIgnoredDuringExecution: [" +
                      term(ssd, "disk", "ssd") + ", " + term(near, "zone", "near") + "]}}");
  };
  BOOST_TEST(chosen(c, prefer(80, 20)) == "a");
  c.hear_pod(pod_entry("p"), true);
  BOOST_TEST(chosen(c, prefer(20, 80)) == "b");
}

BOOST_AUTO_TEST_CASE(a_node_that_is_advised_against_is_the_last_resort) {
  core c(seed);
  c.hear_node(node_entry("a", "", "taints: [{key: k, effect: PreferNoSchedule}]", "64", "256Gi"),
              false);
  c.hear_node(node_entry("b"), false);
  BOOST_TEST(chosen(c, asking("1", "1Gi")) == "b");
}

BOOST_AUTO_TEST_CASE(images_that_are_there_draw_pods) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  c.hear_node(with_image("b", "registry.example/big:latest"), false);
  c.hear_node(node_entry("c"), false);
  BOOST_TEST(chosen(c, "spec: {containers: [{name: c, image: registry.example/big}]}") == "b");
}

BOOST_AUTO_TEST_CASE(images_that_are_mounted_draw_like_those_that_run) {
  for (auto here : {"a", "b"}) {
    core c(seed);
    for (std::string name : {"a", "b"})
      c.hear_node(name == here ? with_image(name, "registry.example/data:1") : node_entry(name),
                  false);
    BOOST_TEST(chosen(c, asking("1", "1Gi",
                                "volumes: [{name: v, image: {reference: "
                                "\"registry.example/data:1\"}}]")) == here);
  }
}

BOOST_AUTO_TEST_CASE(pods_of_one_controller_are_spread_without_being_asked) {
  core c(seed);
  for (int i = 0; i < 6; ++i)
    c.hear_node(node_entry("n" + std::to_string(i),
                           "topology.kubernetes.io/zone: z" + std::to_string(i % 3)),
                false);
  std::map<std::string, int> nodes;
  for (int i = 0; i < 6; ++i)
    c.hear_pod(pod_entry("p" + std::to_string(i),
                         "{metadata: {ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, "
                         "name: r, uid: u, controller: true}]}, " +
                             asking("10m", "1Mi") + "}"),
               false);
  for (auto& [name, node] : outcome(c)) ++nodes[node];
  BOOST_TEST(nodes.size() == 6u);
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_places) {
  auto run = [](uint64_t with) {
    core c(with);
    for (int i = 0; i < 20; ++i) c.hear_node(node_entry("n" + std::to_string(i)), false);
    for (int i = 0; i < 50; ++i)
      c.hear_pod(pod_entry("p" + std::to_string(i), asking("50m", "64Mi")), false);
    return outcome(c);
  };
  BOOST_TEST((run(1) == run(1)));
  BOOST_TEST((run(1) != run(2)));
}

BOOST_AUTO_TEST_CASE(configurations_are_read_or_refused_with_a_reason) {
  auto read = [](const std::string& profiles) {
    return scheduler::read_profiles("kind: KubeSchedulerConfiguration\nprofiles: [" + profiles +
                                    "]");
  };
  auto two =
      read("{}, {schedulerName: tight, plugins: {score: {disabled: [{name: \"*\"}], enabled: "
           "[{name: NodeAffinity, weight: 7}]}}}");
  BOOST_REQUIRE(two);
  BOOST_TEST(two->size() == 2u);
  BOOST_TEST(two->at("tight").preference == 7);
  BOOST_TEST(two->at("tight").resources == 0);
  BOOST_TEST((two->at("default-scheduler") == scheduler::profile{}));
  for (auto wrong : {"{}, {}", "{plugins: {score: {enabled: [{name: Nobody}]}}}",
                     "{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: "
                     "Odd}}}]}"})
    BOOST_TEST(!read(wrong), wrong);
  BOOST_TEST(!scheduler::read_profiles("kind: Pod"));
}

BOOST_AUTO_TEST_SUITE_END()
