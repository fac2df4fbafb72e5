// What autoscalers decide: how many pods a metric asks for, how fast that is followed, and what is
// told of it.
#include "actors/controllers/autoscaler_plan.hpp"
#include "actors/controllers/conditions.hpp"
#include "test/support/read_typed.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(autoscaler_plan_test)

using namespace troupe;
using namespace troupe::controllers;
using k8s::autoscaling::v2::HorizontalPodAutoscaler;
using k8s::autoscaling::v2::MetricSpec;
using k8s::core::v1::Pod;
using k8s::metrics::v1beta1::PodMetrics;

namespace {

constexpr timestamp now{1'000'000, 0};

/// Pods of a target, each with one container that asks for 100m of CPU.
class crowd_of {
public:
  /// Uses that much CPU, in thousandths; -1: nobody knows.
  crowd_of& uses(int64_t milli, std::function<void(Pod&)> but = {}) {
    auto pod = std::make_shared<Pod>();
    pod->mutable_metadata()->set_name("p" + std::to_string(pods.size()));
    auto& c = *pod->mutable_spec()->add_containers();
    c.set_name("c");
    (*c.mutable_resources()->mutable_requests())["cpu"].set_string("100m");
    auto& s = *pod->mutable_status();
    s.set_phase("Running");
    s.mutable_start_time()->set_seconds(now.seconds - 3'600);
    auto& ready = *s.add_conditions();
    ready.set_type("Ready");
    ready.set_status("True");
    ready.mutable_last_transition_time()->set_seconds(now.seconds - 3'500);
    if (but) but(*pod);
    PodMetrics* seen = nullptr;
    if (milli >= 0) {
      seen = &figures.emplace_back();
      seen->mutable_timestamp()->set_seconds(now.seconds - 1);
      seen->mutable_window()->set_duration(5'000'000'000);
      auto& used = *seen->add_containers();
      used.set_name("c");
      (*used.mutable_usage())["cpu"].set_string(std::to_string(milli) + "m");
    }
    pods.push_back({std::move(pod), seen});
    return *this;
  }
  crowd_of& each(int n, int64_t milli) {
    while (n-- > 0) uses(milli);
    return *this;
  }

  std::deque<PodMetrics> figures;
  std::vector<measured_pod> pods;
};

void pending(Pod& p) { p.mutable_status()->set_phase("Pending"); }
void going(Pod& p) { p.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1); }
/// Ready for a moment only: its figures are of before.
void just_ready(Pod& p) {
  p.mutable_status()->mutable_start_time()->set_seconds(now.seconds - 20);
  p.mutable_status()->mutable_conditions(0)->mutable_last_transition_time()->set_seconds(
      now.seconds - 3);
}
void never_ready(Pod& p) {
  auto& c = *p.mutable_status()->mutable_conditions(0);
  c.set_status("False");
  c.mutable_last_transition_time()->set_seconds(now.seconds - 3'600);
}
void asks_nothing(Pod& p) {
  p.mutable_spec()->mutable_containers(0)->mutable_resources()->clear_requests();
}

MetricSpec cpu_at(int percent) {
  return test::read_typed<MetricSpec>(
      R"({"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":)" +
      std::to_string(percent) + "}}}");
}
MetricSpec cpu_of(const char* amount) {
  return test::read_typed<MetricSpec>(
      R"({"type":"Resource","resource":{"name":"cpu","target":{"type":"AverageValue","averageValue":")" +
      std::string(amount) + "\"}}}");
}

/// How many, or why not.
std::string size_of(const MetricSpec& metric, const crowd_of& crowd, int32_t current = 0) {
  auto done = size_by(
      metric, {crowd.pods, current ? current : static_cast<int32_t>(crowd.pods.size()), {}, now});
  return done ? std::to_string(done->replicas) : done.error().message;
}

HorizontalPodAutoscaler scaler(const std::string& more = "") {
  auto out = test::read_typed<HorizontalPodAutoscaler>(
      R"({"metadata":{"name":"a","namespace":"d"},"spec":{"minReplicas":1,"maxReplicas":10)" +
      more + "}}");
  *out.mutable_spec()->add_metrics() = cpu_at(50);
  return out;
}

/// Several looks at one autoscaler, whose pods do as they are told.
struct looks {
  HorizontalPodAutoscaler object;
  int32_t replicas;
  timestamp at = now;
  pace_memory memory = {};
  autoscaler_decision last = {};

  /// How many replicas there are after a look at which each pod uses so much.
  int32_t look(int64_t milli, int seconds = 15) {
    at.seconds += seconds;
    crowd_of crowd;
    crowd.each(replicas, milli);
    last = plan({object, replicas, true, crowd.pods, at}, memory);
    *object.mutable_status() = last.status;
    if (last.rescale) replicas = *last.rescale;
    return replicas;
  }
  std::string reason(const char* condition) const {
    auto c = find_condition(last.status.conditions(), condition);
    return c ? c->status() + " " + c->reason() : "";
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(as_many_pods_as_bring_use_to_its_target) {
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(2, 100)) == "4");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(4, 10)) == "1");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(3, 51)) == "3"); // near enough
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(3, 56)) == "4");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().uses(100).uses(20)) == "3"); // the average counts
  BOOST_TEST(size_of(cpu_of("25m"), crowd_of().each(2, 100)) == "8");
  BOOST_TEST(size_of(cpu_of("25m"), crowd_of().each(2, 26)) == "2");
}

BOOST_AUTO_TEST_CASE(pods_of_which_little_is_known_hold_the_change_back) {
  // Unknown ones: as if idle on the way up, as if busy on the way down.
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(2, 100).uses(-1)) == "4");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().uses(60).uses(-1)) == "2"); // it would turn
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(3, 10).uses(-1)) == "3");
  BOOST_TEST(size_of(cpu_of("50m"), crowd_of().each(3, 10).uses(-1)) == "2");
  // Those that start use more than they will; on the way down they do not count.
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(2, 100).uses(500, pending)) == "4");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(2, 100).uses(500, just_ready)) == "4");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(2, 100).uses(500, never_ready)) == "4");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(2, 10).uses(500, just_ready)) == "1");
  // Those that go do not count at all.
  BOOST_TEST(size_of(cpu_at(50), crowd_of().each(2, 100).uses(900, going)) == "4");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().uses(100, pending)) ==
             "failed to get cpu utilization: did not receive metrics for targeted pods (pods might "
             "be unready)");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_counted_is_told) {
  BOOST_TEST(size_of(cpu_at(50), crowd_of().uses(-1)) ==
             "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics "
             "returned from resource metrics API");
  BOOST_TEST(size_of(cpu_at(50), crowd_of().uses(50, asks_nothing)) ==
             "failed to get cpu utilization: missing request for cpu in container c of Pod p0");
  auto other = cpu_at(50);
  other.set_type("External");
  BOOST_TEST(size_of(other, crowd_of().uses(50)) ==
             "no server of custom or external metrics is known");
  auto container = test::read_typed<MetricSpec>(
      R"({"type":"ContainerResource","containerResource":{"name":"cpu","container":"c",)"
      R"("target":{"type":"Utilization","averageUtilization":20}}})");
  BOOST_TEST(size_of(container, crowd_of().each(2, 100)) == "10");
  container.mutable_container_resource()->set_container("none");
  BOOST_TEST(size_of(container, crowd_of().uses(100)).find("no metrics returned") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_way_up_doubles_and_the_way_down_waits) {
  looks a{scaler(), 1};
  BOOST_TEST(a.look(1'000) == 4);
  BOOST_TEST(a.reason("ScalingLimited") == "True ScaleUpLimit");
  BOOST_TEST(a.last.events.at(0).message ==
             "New size: 4; reason: cpu resource utilization (percentage of request) above target");
  BOOST_TEST(a.look(1'000) == 8);
  BOOST_TEST(a.look(1'000) == 10);
  BOOST_TEST(a.reason("ScalingLimited") == "True TooManyReplicas");
  BOOST_TEST(a.reason("AbleToScale") == "True SucceededRescale");
  BOOST_TEST(a.look(5) == 10);
  BOOST_TEST(a.reason("AbleToScale") == "True ScaleDownStabilized");
  BOOST_TEST(a.look(5, 290) == 1); // everything that was wanted higher is five minutes ago
  BOOST_TEST(a.last.events.at(0).message == "New size: 1; reason: All metrics below target");
  BOOST_TEST(a.last.status.last_scale_time().seconds() == a.at.seconds);
}

BOOST_AUTO_TEST_CASE(rules_say_how_fast) {
  looks a{scaler(R"(,"behavior":{
    "scaleUp":{"selectPolicy":"Max","stabilizationWindowSeconds":0,"policies":[
      {"type":"Pods","value":1,"periodSeconds":60},{"type":"Percent","value":50,"periodSeconds":60}]},
    "scaleDown":{"selectPolicy":"Min","stabilizationWindowSeconds":30,"policies":[
      {"type":"Pods","value":2,"periodSeconds":60},{"type":"Percent","value":100,"periodSeconds":60}]}})"),
          4};
  BOOST_TEST(a.look(1'000) == 6); // half of four is more than one
  BOOST_TEST(a.reason("ScalingLimited") == "True ScaleUpLimit");
  BOOST_TEST(a.look(1'000) == 6); // in this minute that was all
  BOOST_TEST(a.look(1'000, 60) == 9);
  BOOST_TEST(a.look(0) == 9); // for half a minute what was wanted holds
  BOOST_TEST(a.reason("AbleToScale") == "True ScaleDownStabilized");
  BOOST_TEST(a.look(0, 61) == 7);
  BOOST_TEST(a.reason("ScalingLimited") == "True ScaleDownLimit");
  BOOST_TEST(a.look(0) == 7);
  BOOST_TEST(a.look(0, 46) == 5);
  a.object.mutable_spec()->mutable_behavior()->mutable_scale_down()->set_select_policy("Disabled");
  BOOST_TEST(a.look(0, 120) == 5);
}

BOOST_AUTO_TEST_CASE(a_step_that_was_not_made_does_not_count) {
  looks a{scaler(R"(,"behavior":{"scaleUp":{"selectPolicy":"Max","policies":[
    {"type":"Pods","value":1,"periodSeconds":60}]}})"),
          4};
  BOOST_TEST(a.look(1'000) == 5);
  a.replicas = 4; // somebody was faster
  a.object.mutable_status()->clear_last_scale_time();
  BOOST_TEST(a.look(1'000) == 5);
}

BOOST_AUTO_TEST_CASE(bounds_hold_whatever_the_metrics_say) {
  looks above{scaler(), 20};
  BOOST_TEST(above.look(0) == 10);
  BOOST_TEST(above.last.events.at(0).message ==
             "New size: 10; reason: Current number of replicas above Spec.MaxReplicas");
  looks none{scaler(), 0};
  BOOST_TEST(none.look(0) == 0);
  BOOST_TEST(none.reason("ScalingActive") == "False ScalingDisabled");
  BOOST_TEST(!asks_for_figures(none.object, 0));
  looks below{scaler(), 1};
  below.object.mutable_spec()->set_min_replicas(3);
  BOOST_TEST(below.look(0) == 3);
  BOOST_TEST(asks_for_figures(below.object, 3));
}

BOOST_AUTO_TEST_CASE(a_metric_that_fails_prevents_only_the_way_down) {
  looks a{scaler(), 4};
  auto& broken = *a.object.mutable_spec()->add_metrics();
  broken.set_type("Pods");
  broken.mutable_pods()->mutable_metric()->set_name("hits");
  BOOST_TEST(a.look(100) == 8);
  BOOST_TEST(a.reason("ScalingActive") == "True ValidMetricFound");
  BOOST_TEST(a.last.events.at(0).reason == "FailedGetPodsMetric");
  BOOST_TEST(a.look(1, 400) == 8);
  BOOST_TEST(a.reason("ScalingActive") == "False FailedGetPodsMetric");
  BOOST_TEST(a.last.events.at(1).message ==
             "invalid metrics (1 invalid out of 2), first error is: failed to get hits pods metric "
             "value: no server of custom or external metrics is known");
}

BOOST_AUTO_TEST_CASE(tolerances_of_its_own_count) {
  looks a{scaler(R"(,"behavior":{"scaleUp":{"tolerance":"500m"}})"), 4};
  BOOST_TEST(a.look(70) == 4);
  BOOST_TEST(a.look(80) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
