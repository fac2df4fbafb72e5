#include "messages/api/policy.pb.h"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(scheduler_preemption_test)

using namespace troupe;
using namespace troupe::testing;
using scheduler::core;

namespace {

constexpr uint64_t seed = 3;

std::string important(int priority, const std::string& cpu, const std::string& labels = "",
                      const std::string& more = "") {
  return "{metadata: {labels: {" + labels + "}}, " +
         asking(cpu, "1Gi",
                "priority: " + std::to_string(priority) + (more.empty() ? "" : ", " + more)) +
         "}";
}

/// The scheduler hears of the pod as `change` makes it.
void hear(core& c, const std::string& name, const std::string& pod, auto change) {
  auto entry = pod_entry(name, pod);
  k8s::core::v1::Pod object;
  gateway::read_entry(*entry, object);
  change(object);
  c.hear_pod(entry_of(core_kind("pods"), object), false);
}

void place(core& c, const std::string& name, const std::string& node, const std::string& pod) {
  hear(c, name, pod, [&](auto& object) { object.mutable_spec()->set_node_name(node); });
}

void nominate(core& c, const std::string& name, const std::string& node, const std::string& pod) {
  hear(c, name, pod, [&](auto& object) { object.mutable_status()->set_nominated_node_name(node); });
}

void add_budget(core& c, const std::string& app, int allowed) {
  auto& kind = *schema::registry::built_in()->by_resource("policy", "v1", "poddisruptionbudgets");
  auto object =
      read_yaml(kind, "{metadata: {name: b, namespace: default}, spec: {selector: "
                      "{matchLabels: {app: " +
                          app + "}}}, status: {disruptionsAllowed: " + std::to_string(allowed) +
                          ", currentHealthy: 1, desiredHealthy: 1, expectedPods: 1}}");
  c.hear_budget(entry_of(kind, *object), false);
}

/// The names of those who have to go for `pod`, in order, and the node where it ends.
std::string victims(core& c, const std::string& pod) {
  c.hear_pod(pod_entry("vip", pod), false);
  std::string gone;
  auto said = outcome(c);
  for (auto& [name, what] : said)
    if (what == "preempted") gone += (gone.empty() ? "" : " ") + name;
  return gone + " -> " + said["vip"];
}

} // namespace

BOOST_AUTO_TEST_CASE(the_least_important_pod_goes) {
  core c(seed);
  for (auto name : {"a", "b"}) c.hear_node(node_entry(name), false);
  place(c, "low", "a", important(1, "4"));
  place(c, "lower", "b", important(0, "4"));
  BOOST_TEST(victims(c, important(10, "2")) == "lower -> b");
}

BOOST_AUTO_TEST_CASE(who_hoped_for_the_room_hopes_no_more) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "low", "a", important(0, "4"));
  nominate(c, "hopeful", "a", important(5, "4"));
  nominate(c, "equal", "a", important(10, "1"));
  c.hear_pod(pod_entry("vip", important(10, "3")), false);
  std::set<std::string> dropped;
  for (auto& d : c.decide(100, {}))
    if (auto x = std::get_if<scheduler::drop_nomination>(&d))
      dropped.insert(std::string(x->pod->name()));
  BOOST_TEST((dropped == std::set<std::string>{"hopeful"}));
}

BOOST_AUTO_TEST_CASE(no_more_go_than_needed) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "one", "a", important(1, "1"));
  place(c, "two", "a", important(2, "1"));
  place(c, "three", "a", important(3, "2"));
  BOOST_TEST(victims(c, important(10, "2")) == "one two -> a");
}

BOOST_AUTO_TEST_CASE(equals_and_betters_stay) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "equal", "a", important(10, "4"));
  BOOST_TEST(victims(c, important(10, "1")) ==
             " -> 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are "
             "available: 1 No preemption victims found for incoming pod.");
}

BOOST_AUTO_TEST_CASE(who_may_not_preempt_waits) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "low", "a", important(1, "4"));
  BOOST_TEST(victims(c, important(10, "1", "", "preemptionPolicy: Never")) ==
             " -> 0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to "
             "preemptionPolicy=Never.");
}

BOOST_AUTO_TEST_CASE(nobody_goes_where_that_would_not_help) {
  core c(seed);
  c.hear_node(node_entry("a", "", "unschedulable: true"), false);
  c.hear_node(node_entry("b", "", "", "1"), false);
  place(c, "low", "a", important(1, "4"));
  place(c, "small", "b", important(1, "1"));
  BOOST_TEST(victims(c, important(10, "2")) ==
             " -> 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. "
             "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.");
}

BOOST_AUTO_TEST_CASE(budgets_are_kept_if_there_is_another_way) {
  core c(seed);
  for (auto name : {"a", "b"}) c.hear_node(node_entry(name), false);
  place(c, "guarded", "a", important(0, "4", "app: db"));
  place(c, "open", "b", important(5, "4"));
  add_budget(c, "db", 0);
  BOOST_TEST(victims(c, important(10, "2")) == "open -> b");
}

BOOST_AUTO_TEST_CASE(a_budget_does_not_save_the_last_resort) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "guarded", "a", important(0, "4", "app: db"));
  add_budget(c, "db", 0);
  BOOST_TEST(victims(c, important(10, "2")) == "guarded -> a");
}

BOOST_AUTO_TEST_CASE(the_search_goes_on_until_a_budget_can_be_spared) {
  core c(seed);
  for (int i = 0; i < 150; ++i) {
    auto name = "n" + std::to_string(i);
    c.hear_node(node_entry(name), false);
    if (i < 120)
      place(c, "guarded-" + std::to_string(i), name, important(0, "4", "app: db"));
    else
      place(c, "open-" + std::to_string(i), name, important(5, "4"));
  }
  add_budget(c, "db", 0);
  BOOST_TEST(victims(c, important(10, "2")).starts_with("open-"));
}

BOOST_AUTO_TEST_CASE(only_those_who_go_for_it_are_waited_for) {
  for (bool preempted : {true, false}) {
    core c(seed);
    c.hear_node(node_entry("a"), false);
    place(c, "low", "a", important(1, "2"));
    hear(c, "going", important(1, "2"), [&](auto& object) {
      object.mutable_spec()->set_node_name("a");
      object.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
      if (!preempted) return;
      auto& why = *object.mutable_status()->add_conditions();
      why.set_type("DisruptionTarget");
      why.set_status("True");
      why.set_reason("PreemptionByScheduler");
    });
    nominate(c, "vip", "a", important(10, "4"));
    auto said = outcome(c);
    BOOST_TEST((said["low"] == "preempted") == !preempted);
  }
}

BOOST_AUTO_TEST_CASE(who_finds_no_victims_any_more_keeps_no_room) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "better", "a", important(20, "4"));
  nominate(c, "vip", "a", important(10, "4"));
  auto decisions = c.decide(10, {});
  BOOST_REQUIRE(decisions.size() == 1u);
  BOOST_TEST(std::get<scheduler::tell_pending>(decisions[0]).nominated == "");
}

BOOST_AUTO_TEST_CASE(neighbours_that_keep_the_pod_away_go_too) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "loner", "a", important(1, "1", "app: loner"));
  auto apart = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
               "[{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: "
               "loner}}}]}}";
  BOOST_TEST(victims(c, important(10, "1", "", apart)) == "loner -> a");
}

BOOST_AUTO_TEST_CASE(the_room_that_was_made_is_kept_for_whom_it_was_made) {
  core c(seed);
  c.hear_node(node_entry("a"), false);
  place(c, "low", "a", important(1, "4"));
  c.hear_pod(pod_entry("vip", important(10, "4")), false);
  auto decisions = c.decide(10, {});
  BOOST_REQUIRE(decisions.size() == 2u);
  BOOST_TEST(std::get<scheduler::tell_pending>(decisions[1]).nominated == "a");
  c.hear_pod(pod_entry("low", important(1, "4")), true);
  c.hear_pod(pod_entry("upstart", important(5, "1")), false);
  auto said = outcome(c);
  BOOST_TEST(said["vip"] == "a");
  BOOST_TEST(said["upstart"].starts_with("0/1 nodes are available: 1 Insufficient cpu."));
}

BOOST_AUTO_TEST_SUITE_END()
