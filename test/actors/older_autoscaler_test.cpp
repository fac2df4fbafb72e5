// What v1 has no words for survives it.
#include "actors/gateway/older_autoscaler.hpp"

#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(older_autoscaler_test)

using namespace troupe;

namespace {

constexpr const char* full = R"({"metadata":{"name":"a","annotations":{"mine":"1"}},
  "spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},
    "minReplicas":2,"maxReplicas":5,
    "metrics":[
      {"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}},
      {"type":"ContainerResource","containerResource":{"name":"cpu","container":"c","target":{"type":"Utilization","averageUtilization":30}}},
      {"type":"Pods","pods":{"metric":{"name":"p","selector":{"matchLabels":{"x":"y"}}},"target":{"type":"AverageValue","averageValue":"3"}}},
      {"type":"Object","object":{"describedObject":{"kind":"Service","name":"s"},"metric":{"name":"o"},"target":{"type":"Value","value":"4"}}},
      {"type":"External","external":{"metric":{"name":"e"},"target":{"type":"AverageValue","averageValue":"5"}}},
      {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}],
    "behavior":{"scaleDown":{"selectPolicy":"Min","policies":[{"type":"Pods","value":1,"periodSeconds":60}],"stabilizationWindowSeconds":9}}},
  "status":{"currentReplicas":2,"desiredReplicas":3,
    "currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":50,"averageValue":"100m"}}}],
    "conditions":[{"type":"AbleToScale","status":"True","reason":"r","message":"m"}]}})";

k8s::autoscaling::v2::HorizontalPodAutoscaler read(const char* text) {
  k8s::autoscaling::v2::HorizontalPodAutoscaler out;
  BOOST_REQUIRE(codec::from_json(text, out).has_value());
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(there_and_back_nothing_is_lost) {
  auto before = read(full);
  auto old = gateway::older(before);
  auto& notes = old.metadata().annotations();
  BOOST_TEST(notes.size() == 5u);
  BOOST_TEST(old.spec().target_cpu_utilization_percentage() == 60);
  BOOST_TEST(old.status().current_cpu_utilization_percentage() == 50);
  BOOST_TEST(notes.at("autoscaling.alpha.kubernetes.io/behavior") ==
             R"({"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":9,"SelectPolicy":"Min",)"
             R"("Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":60}],"Tolerance":null}})");
  BOOST_TEST(
      notes.at("autoscaling.alpha.kubernetes.io/metrics")
          .starts_with(
              R"([{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}},)"));
  auto after = gateway::newer(old);
  BOOST_TEST(codec::to_json(after) == codec::to_json(before));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_left_out) {
  k8s::autoscaling::v1::HorizontalPodAutoscaler old;
  (*old.mutable_metadata()->mutable_annotations())["autoscaling.alpha.kubernetes.io/metrics"] = "{";
  (*old.mutable_metadata()->mutable_annotations())["autoscaling.alpha.kubernetes.io/behavior"] =
      "7";
  old.mutable_spec()->set_target_cpu_utilization_percentage(80);
  auto now = gateway::newer(old);
  BOOST_TEST(now.metadata().annotations().empty());
  BOOST_TEST(now.spec().metrics_size() == 1);
  BOOST_TEST(!now.spec().has_behavior());
}

BOOST_AUTO_TEST_SUITE_END()
