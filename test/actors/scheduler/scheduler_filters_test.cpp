#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(scheduler_filters_test)

using namespace troupe::testing;
using troupe::scheduler::core;

namespace {

constexpr uint64_t seed = 7;

/// One pod on one node: "n" if it fits, the reason otherwise.
std::string verdict_of(const troupe::storage::entry_ptr& node, const std::string& pod) {
  core c(seed);
  c.hear_node(node, false);
  c.hear_pod(pod_entry("p", pod), false);
  auto said = outcome(c)["p"];
  constexpr std::string_view head = "0/1 nodes are available: 1 ";
  if (said.starts_with(head)) said = said.substr(head.size());
  return said.substr(0, said.find(". preemption:") == said.npos ? said.find_last_not_of('.') + 1
                                                                : said.find(". preemption:"));
}

} // namespace

BOOST_AUTO_TEST_CASE(each_filter_tells_its_reason) {
  struct row {
    const char* labels;
    const char* spec;
    std::string pod;
    const char* expected;
  };
  const row rows[] = {
      {"", "", asking("1", "1Gi"), "n"},
      {"", "", asking("4", "16Gi"), "n"},
      {"", "", asking("4001m", "1Gi"), "Insufficient cpu"},
      {"", "", asking("1", "17Gi"), "Insufficient memory"},
      {"", "", asking("5", "17Gi"), "Insufficient cpu, 1 Insufficient memory"},
      {"", "", "spec: {containers: [{name: c, resources: {requests: {example.com/gpu: 1}}}]}",
       "Insufficient example.com/gpu"},
      {"", "unschedulable: true", asking("1", "1Gi"), "node(s) were unschedulable"},
      {"", "unschedulable: true",
       asking("1", "1Gi",
              "tolerations: [{key: node.kubernetes.io/unschedulable, operator: Exists}]"),
       "n"},
      {"", "taints: [{key: k, value: v, effect: NoSchedule}]", asking("1", "1Gi"),
       "node(s) had untolerated taint(s)"},
      {"", "taints: [{key: k, value: v, effect: NoExecute}]",
       asking("1", "1Gi", "tolerations: [{key: k, operator: Equal, value: v, effect: NoSchedule}]"),
       "node(s) had untolerated taint(s)"},
      {"", "taints: [{key: k, value: v, effect: NoExecute}]",
       asking("1", "1Gi", "tolerations: [{operator: Exists}]"), "n"},
      {"", "taints: [{key: k, value: v, effect: PreferNoSchedule}]", asking("1", "1Gi"), "n"},
      {"disk: ssd", "", asking("1", "1Gi", "nodeSelector: {disk: ssd}"), "n"},
      {"disk: hdd", "", asking("1", "1Gi", "nodeSelector: {disk: ssd}"),
       "node(s) didn't match Pod's node affinity/selector"},
      {"size: \"9\"", "",
       asking("1", "1Gi",
              "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
              "{nodeSelectorTerms: [{matchExpressions: [{key: size, operator: Gt, values: "
              "[\"8\"]}]}]}}}"),
       "n"},
      {"", "",
       asking("1", "1Gi",
              "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
              "{nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: "
              "[m]}]}]}}}"),
       "node(s) didn't match Pod's node affinity/selector"},
  };
  for (auto& r : rows)
    BOOST_TEST(verdict_of(node_entry("n", r.labels, r.spec), r.pod) == r.expected, r.pod);
}

BOOST_AUTO_TEST_CASE(ports_of_the_host_are_given_once) {
  core c(seed);
  c.hear_node(node_entry("n"), false);
  auto with_port = [](const char* ports) {
    return "spec: {containers: [{name: c, ports: [" + std::string(ports) + "]}]}";
  };
  c.hear_pod(pod_entry("a", with_port("{containerPort: 80, hostPort: 80, protocol: TCP}")), false);
  BOOST_TEST(outcome(c)["a"] == "n");
  c.hear_pod(pod_entry("b", with_port("{containerPort: 80, hostPort: 80, protocol: TCP, hostIP: "
                                      "10.0.0.1}")),
             false);
  c.hear_pod(pod_entry("u", with_port("{containerPort: 80, hostPort: 80, protocol: UDP}")), false);
  auto said = outcome(c);
  BOOST_TEST(said["b"].starts_with(
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."));
  BOOST_TEST(said["u"] == "n");
  c.hear_pod(pod_entry("a"), true);
  BOOST_TEST(outcome(c)["b"] == "n");
}

BOOST_AUTO_TEST_CASE(a_pod_that_waits_is_helped_by_what_makes_room_and_by_nothing_else) {
  core c(seed);
  c.hear_node(node_entry("n"), false);
  c.hear_pod(pod_entry("big", asking("4", "1Gi")), false);
  BOOST_TEST(outcome(c)["big"] == "n");
  c.hear_pod(pod_entry("next", asking("4", "1Gi")), false);
  BOOST_TEST(outcome(c)["next"].starts_with("0/1 nodes are available: 1 Insufficient cpu."));
  c.hear_node(node_entry("m", "", "unschedulable: true"), false);
  BOOST_TEST(outcome(c).empty());
  c.hear_node(node_entry("m"), false);
  BOOST_TEST(outcome(c)["next"] == "m");
}

BOOST_AUTO_TEST_CASE(a_decision_that_could_not_be_written_is_taken_back_and_made_again) {
  core c(seed);
  c.hear_node(node_entry("n"), false);
  c.hear_pod(pod_entry("p", asking("3", "1Gi")), false);
  auto decisions = c.decide(10, {});
  BOOST_REQUIRE(decisions.size() == 1u);
  BOOST_TEST(c.decide(10, {}).empty());
  c.take_back(decisions[0], {});
  BOOST_TEST(outcome(c)["p"] == "n");
}

BOOST_AUTO_TEST_CASE(the_most_important_pod_goes_first_and_then_the_oldest) {
  core c(seed);
  c.hear_node(node_entry("n"), false);
  c.hear_pod(pod_entry("old", asking("2", "1Gi")), false);
  c.hear_pod(pod_entry("young", asking("2", "1Gi")), false);
  c.hear_pod(pod_entry("vip", asking("2", "1Gi", "priority: 10")), false);
  auto said = outcome(c);
  BOOST_TEST(said["vip"] == "n");
  BOOST_TEST(said["old"] == "n");
  BOOST_TEST(said["young"].starts_with("0/1"));
}

BOOST_AUTO_TEST_CASE(a_pod_with_a_gate_waits_until_the_gate_is_gone) {
  core c(seed);
  c.hear_node(node_entry("n"), false);
  c.hear_pod(pod_entry("p", asking("1", "1Gi", "schedulingGates: [{name: g}]")), false);
  BOOST_TEST(outcome(c)["p"] == "Scheduling is blocked due to non-empty scheduling gates");
  c.hear_pod(pod_entry("p", asking("1", "1Gi")), false);
  BOOST_TEST(outcome(c)["p"] == "n");
}

BOOST_AUTO_TEST_CASE(pods_for_other_schedulers_are_left_alone) {
  core c(seed);
  c.hear_node(node_entry("n"), false);
  c.hear_pod(pod_entry("p", asking("1", "1Gi", "schedulerName: mine")), false);
  BOOST_TEST(outcome(c).empty());
}

BOOST_AUTO_TEST_CASE(without_nodes_a_pod_is_told_so) {
  core c(seed);
  c.hear_pod(pod_entry("p"), false);
  BOOST_TEST(outcome(c)["p"] == "no nodes available to schedule pods");
}

BOOST_AUTO_TEST_CASE(what_a_pod_takes_is_its_containers_or_its_start_whichever_is_more) {
  struct row {
    const char* spec;
    int64_t cpu_milli;
  };
  const row rows[] = {
      {"containers: [{name: a, resources: {requests: {cpu: 1}}}, {name: b, resources: {requests: "
       "{cpu: 500m}}}]",
       1500},
      {"containers: [{name: a, resources: {requests: {cpu: 1}}}], initContainers: [{name: i, "
       "resources: {requests: {cpu: 3}}}]",
       3000},
      {"containers: [{name: a, resources: {requests: {cpu: 1}}}], initContainers: [{name: s, "
       "restartPolicy: Always, resources: {requests: {cpu: 1}}}, {name: i, resources: {requests: "
       "{cpu: 3}}}]",
       4000},
      {"containers: [{name: a, resources: {requests: {cpu: 1}}}], initContainers: [{name: i, "
       "resources: {requests: {cpu: 3}}}, {name: s, restartPolicy: Always, resources: {requests: "
       "{cpu: 1}}}]",
       3000},
      {"containers: [{name: a, resources: {requests: {cpu: 1}}}], overhead: {cpu: 250m}", 1250},
      {"containers: [{name: a, resources: {requests: {cpu: 1}}}], resources: {requests: {cpu: 2}}",
       2000},
  };
  for (auto& r : rows) {
    auto object = read_yaml(core_kind("pods"), "spec: {" + std::string(r.spec) + "}");
    troupe::scheduler::resource_names names;
    auto needs =
        troupe::scheduler::needs_of(static_cast<k8s::core::v1::Pod&>(*object).spec(), names);
    BOOST_TEST((needs.needs.at(0) == troupe::scheduler::need{0, r.cpu_milli}), r.spec);
  }
}

BOOST_AUTO_TEST_SUITE_END()
