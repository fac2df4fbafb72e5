#include "actors/node/hollow_pod.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(hollow_test)

using namespace troupe;
using namespace troupe::testing;
using namespace std::chrono_literals;
using node::hollow_pod;

namespace {

k8s::core::v1::Pod pod_of(const std::string& annotations, const std::string& policy = "Always") {
  auto object =
      read_yaml(core_kind("pods"), "{metadata: {name: p, namespace: d, uid: u, "
                                   "annotations: {" +
                                       annotations + "}}, spec: {restartPolicy: " + policy +
                                       ", containers: [{name: c, image: i}]}}");
  return static_cast<k8s::core::v1::Pod&>(*object);
}

/// The phases that the pod goes through until nothing happens by itself, or for a while.
std::string life(hollow_pod& pod, std::chrono::nanoseconds until) {
  std::string out = pod.status().phase();
  while (pod.due() && *pod.due() <= until) {
    auto at = *pod.due();
    if (!pod.advance(at, {std::chrono::duration_cast<std::chrono::seconds>(at).count() + 1, 0}))
      break;
    out += pod.stopped() ? " stopped" : " " + pod.status().phase();
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_pod_lives_as_its_annotations_say) {
  struct row {
    const char* annotations;
    const char* policy;
    const char* expected;
    int restarts;
  };
  const row rows[] = {
      {"", "Always", "Pending Running", 0},
      {"hollow.troupe.dev/start-delay: 30s", "Always", "Pending", 0},
      {"hollow.troupe.dev/run-time: 1s", "Never", "Pending Running Succeeded", 0},
      {"hollow.troupe.dev/run-time: 1s, hollow.troupe.dev/exit-code: \"1\"", "Never",
       "Pending Running Failed", 0},
      {"hollow.troupe.dev/run-time: 1s, hollow.troupe.dev/exit-code: \"0\"", "OnFailure",
       "Pending Running Succeeded", 0},
      {"hollow.troupe.dev/run-time: 4s, hollow.troupe.dev/exit-code: \"3\"", "OnFailure",
       "Pending Running Running Running Running", 1},
  };
  for (auto& r : rows) {
    hollow_pod pod(pod_of(r.annotations, r.policy), {}, "10.0.0.1", "10.1.0.1", 0s, 0);
    BOOST_TEST(life(pod, 10s) == r.expected, r.annotations);
    BOOST_TEST(pod.status().container_statuses(0).restart_count() == r.restarts, r.annotations);
  }
}

BOOST_AUTO_TEST_CASE(a_pod_that_is_told_to_go_leaves_within_its_grace) {
  auto spec = pod_of("hollow.troupe.dev/stop-delay: 60s");
  hollow_pod pod(spec, {}, "10.0.0.1", "10.1.0.1", 0s, 0);
  BOOST_TEST(life(pod, 0s) == "Pending Running");
  spec.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(40);
  spec.mutable_metadata()->set_deletion_grace_period_seconds(30);
  pod.told(spec, 10s);
  BOOST_TEST((pod.due() == 40s));
  BOOST_TEST(life(pod, 40s) == "Running stopped");
}

BOOST_AUTO_TEST_CASE(a_running_pod_that_is_shown_as_lost_is_misjudged) {
  auto shown = pod_of("");
  hollow_pod pod(shown, {}, "10.0.0.1", "10.1.0.1", 0s, 0);
  BOOST_TEST(!pod.misjudged(shown));
  BOOST_TEST(life(pod, 1s) == "Pending Running");
  *shown.mutable_status() = pod.status();
  BOOST_TEST(!pod.misjudged(shown));
  for (auto& c : *shown.mutable_status()->mutable_conditions())
    if (c.type() == "Ready") c.set_status("False");
  BOOST_TEST(pod.misjudged(shown));
}

BOOST_AUTO_TEST_CASE(some_fail_if_told_so) {
  node::hollow_manners manners;
  manners.failures_per_thousand = 500;
  int failed = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    hollow_pod pod(pod_of("", "Never"), manners, "10.0.0.1", "10.1.0.1", 0s, i);
    failed += life(pod, 1s).ends_with("Failed");
  }
  BOOST_TEST(failed == 500);
}

BOOST_AUTO_TEST_SUITE_END()
