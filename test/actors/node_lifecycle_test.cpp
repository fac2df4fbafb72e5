#include "actors/controllers/node_lifecycle_plan.hpp"
#include "actors/controllers/taint_eviction_plan.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(node_lifecycle_test)

using namespace troupe;
using namespace troupe::controllers;
using namespace troupe::testing;
using k8s::core::v1::Node;

namespace {

Node node_of(const std::string& yaml) {
  auto object = read_yaml(core_kind("nodes"), yaml);
  return static_cast<Node&>(*object);
}

std::string text(const std::vector<k8s::core::v1::Taint>& taints) {
  std::string out;
  for (auto& t : taints) {
    auto key = t.key().substr(t.key().find('/') == t.key().npos ? 0 : t.key().find('/') + 1);
    out += (out.empty() ? "" : " ") + key + ":" + t.effect();
  }
  return out;
}

std::string ready(const char* status) {
  return "status: {conditions: [{type: Ready, status: \"" + std::string(status) + "\"}]}";
}

} // namespace

BOOST_AUTO_TEST_CASE(taints_follow_the_state_of_a_node) {
  struct row {
    std::string node;
    emptying pods;
    const char* expected;
  };
  const std::string lost = "{spec: {taints: [{key: node.kubernetes.io/unreachable, effect: "
                           "NoSchedule}, {key: node.kubernetes.io/unreachable, effect: NoExecute}, "
                           "{key: mine, effect: NoSchedule}]}, ";
  const row rows[] = {
      {"{" + ready("True") + "}", emptying::wait, ""},
      {"{" + ready("False") + "}", emptying::wait, "not-ready:NoSchedule"},
      {"{" + ready("False") + "}", emptying::begin, "not-ready:NoSchedule not-ready:NoExecute"},
      {"{" + ready("Unknown") + "}", emptying::begin,
       "unreachable:NoSchedule unreachable:NoExecute"},
      {"{}", emptying::wait, "not-ready:NoSchedule"},
      {lost + ready("Unknown") + "}", emptying::wait,
       "mine:NoSchedule unreachable:NoSchedule unreachable:NoExecute"},
      {lost + ready("Unknown") + "}", emptying::stop, "mine:NoSchedule unreachable:NoSchedule"},
      {lost + ready("True") + "}", emptying::wait, "mine:NoSchedule"},
      {"{spec: {unschedulable: true}, " + ready("True") + "}", emptying::wait,
       "unschedulable:NoSchedule"},
      {"{status: {conditions: [{type: Ready, status: \"True\"}, {type: DiskPressure, status: "
       "\"True\"}]}}",
       emptying::wait, "disk-pressure:NoSchedule"},
  };
  for (auto& r : rows) {
    auto node = node_of(r.node);
    auto planned = plan_taints(node, r.pods, {100, 0});
    BOOST_TEST(text(planned) == r.expected, r.node);
    *node.mutable_spec()->mutable_taints() = {planned.begin(), planned.end()};
    BOOST_TEST(text(plan_taints(node, r.pods, {200, 0})) == r.expected, "again: " << r.node);
  }
}

BOOST_AUTO_TEST_CASE(nodes_are_emptied_one_after_the_other) {
  zone_pace pace;
  for (int i = 0; i < 10; ++i) pace.put("n" + std::to_string(i), "z", i > 1);
  BOOST_TEST(pace.ask("z", {100, 0}).now);
  auto second = pace.ask("z", {104, 0});
  BOOST_TEST(!second.now);
  BOOST_TEST(second.again_seconds == 6.0, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(pace.ask("z", {110, 0}).now);
}

BOOST_AUTO_TEST_CASE(a_zone_that_mostly_fails_is_emptied_slowly_or_not_at_all) {
  auto with = [](int healthy, int unhealthy, bool other_zone) {
    zone_pace pace;
    for (int i = 0; i < healthy; ++i) pace.put("h" + std::to_string(i), "z", true);
    for (int i = 0; i < unhealthy; ++i) pace.put("u" + std::to_string(i), "z", false);
    if (other_zone) pace.put("o", "other", true);
    return pace.rate("z");
  };
  BOOST_TEST(with(10, 1, true) == 0.1);
  BOOST_TEST(with(4, 6, true) == 0.0);    // a small zone that mostly fails
  BOOST_TEST(with(40, 60, true) == 0.01); // a large one
  BOOST_TEST(with(0, 6, true) == 0.1);    // one that is gone altogether
  BOOST_TEST(with(0, 6, false) == 0.0);   // everything is gone: it is us
  BOOST_TEST(with(0, 1, false) == 0.0);
}

BOOST_AUTO_TEST_CASE(pods_stay_as_long_as_they_tolerate) {
  struct row {
    const char* tolerations;
    int64_t leaves; ///< 0: never
  };
  auto node = node_of("spec: {taints: [{key: k, effect: NoExecute, timeAdded: "
                      "\"1970-01-01T00:16:40Z\"}]}"); // 1000 s
  const row rows[] = {
      {"[]", 1000},
      {"[{key: k, operator: Exists}]", 0},
      {"[{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: 300}]", 1300},
      {"[{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: -5}]", 1000},
      {"[{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: 300}, {operator: Exists, "
       "effect: NoExecute, tolerationSeconds: 60}]",
       1300}, // the first one that fits counts
      {"[{key: other, operator: Exists, tolerationSeconds: 1, effect: NoExecute}, {operator: "
       "Exists, effect: NoExecute, tolerationSeconds: 60}, {operator: Exists}]",
       1060},
      {"[{key: other, operator: Exists}]", 1000},
  };
  for (auto& r : rows) {
    auto object =
        read_yaml(core_kind("pods"), "spec: {tolerations: " + std::string(r.tolerations) + "}");
    auto when = leaves_at(static_cast<k8s::core::v1::Pod&>(*object), node, {1100, 0});
    BOOST_TEST(when.value_or(0) == r.leaves, r.tolerations);
  }
}

BOOST_AUTO_TEST_SUITE_END()
