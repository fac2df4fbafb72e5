#include "actors/controllers/autoscaler_plan.hpp"

#include "actors/controllers/conditions.hpp"
#include "messages/base/quantity.hpp"

namespace troupe::controllers {

namespace {

using k8s::autoscaling::v2::HorizontalPodAutoscaler;
using k8s::autoscaling::v2::HPAScalingRules;

constexpr const char* able = "AbleToScale";
constexpr const char* active = "ScalingActive";
constexpr const char* limited = "ScalingLimited";

double allowance(const HPAScalingRules& rules, double otherwise) {
  if (!rules.has_tolerance()) return otherwise;
  auto said = quantity::parse(rules.tolerance().string());
  return said ? said->approximate() : otherwise;
}

class planner {
public:
  planner(const autoscaler_view& view, pace_memory& memory)
      : view_{view}, spec_{view.scaler.spec()}, memory_{memory} {
    out_.status = view.scaler.status();
  }

  autoscaler_decision plan() {
    say(able, true, "SucceededGetScale",
        "the HPA controller was able to get the target's current scale");
    settle_last_step();
    auto current = view_.current;
    if (current == 0 && spec_.min_replicas() != 0) {
      say(active, false, "ScalingDisabled",
          "scaling is disabled since the replica count of the target is zero");
      finish(0);
    } else if (current > spec_.max_replicas()) {
      rescale(spec_.max_replicas(), "Current number of replicas above Spec.MaxReplicas");
    } else if (current < spec_.min_replicas()) {
      rescale(spec_.min_replicas(), "Current number of replicas below Spec.MinReplicas");
    } else {
      follow_metrics();
    }
    return std::move(out_);
  }

private:
  void say(const char* type, bool holds, const std::string& reason, const std::string& message) {
    set_condition(*out_.status.mutable_conditions(), type, holds, reason, message, view_.now);
  }

  void warn(std::string reason, std::string message) {
    out_.events.push_back({true, std::move(reason), std::move(message)});
  }

  /// A step was made if the status tells of it.
  void settle_last_step() {
    auto step = std::exchange(memory_.tried, {});
    if (step && view_.scaler.status().last_scale_time().seconds() == step->at.seconds)
      memory_.steps.push_back(*step);
  }

  void finish(int32_t desired) {
    auto& s = out_.status;
    if (auto generation = view_.scaler.metadata().generation())
      s.set_observed_generation(generation);
    s.set_current_replicas(view_.current);
    s.set_desired_replicas(desired);
  }

  void rescale(int32_t wanted, const std::string& why) {
    finish(wanted);
    out_.rescale = wanted;
    out_.status.mutable_last_scale_time()->set_seconds(view_.now.seconds);
    memory_.tried = {view_.now, wanted - view_.current};
    say(able, true, "SucceededRescale",
        "the HPA controller was able to update the target scale to " + std::to_string(wanted));
    out_.events.push_back(
        {false, "SuccessfulRescale", "New size: " + std::to_string(wanted) + "; reason: " + why});
  }

  void follow_metrics() {
    auto most = all_metrics();
    if (!most) {
      finish(view_.scaler.status().desired_replicas());
      return warn("FailedComputeMetricsReplicas", most.error().message);
    }
    say(active, true, "ValidMetricFound",
        "the HPA was able to successfully calculate a replica count from " + most->metric);
    auto now = keep_pace(spec_, memory_, view_.current, most->replicas, view_.now);
    say(able, true, now.able.reason, now.able.message);
    say(limited, now.limits, now.limited.reason, now.limited.message);
    if (now.replicas == view_.current) return finish(view_.current);
    rescale(now.replicas, most->replicas > view_.current ? most->metric + " above target"
                                                         : "All metrics below target");
  }

  struct failure {
    size_fault fault;
    std::string why;
  };

  /// What the metric that wants most asks for. One that cannot be told is passed over, unless the
  /// others want fewer replicas: it might have wanted more.
  result<sizing> all_metrics() {
    if (!view_.knows_its_pods) {
      say(active, false, "InvalidSelector", "the HPA target's scale is missing a selector");
      warn("SelectorRequired", "selector is required");
      return error{errc::invalid, "selector is required"};
    }
    auto& rules = spec_.behavior();
    tolerance accepted;
    accepted.below = allowance(rules.scale_down(), accepted.below);
    accepted.above = allowance(rules.scale_up(), accepted.above);
    size_view sizes{view_.pods, view_.current, accepted, view_.now};
    out_.status.clear_current_metrics();
    std::optional<sizing> most;
    std::vector<failure> failures;
    for (auto& metric : spec_.metrics()) {
      auto& seen = *out_.status.add_current_metrics();
      auto one = size_by(metric, sizes);
      if (!one) {
        failures.push_back({fault_of(metric), one.error().message});
        warn(failures.back().fault.reason, failures.back().why);
        continue;
      }
      seen = one->status;
      if (!most || one->replicas > most->replicas) most = std::move(*one);
    }
    if (!most || (!failures.empty() && most->replicas < view_.current)) return untold(failures);
    return std::move(*most);
  }

  error untold(const std::vector<failure>& failures) {
    if (failures.empty()) return {errc::invalid, "there are no metrics"};
    auto& [fault, why] = failures.front();
    say(active, false, fault.reason, "the HPA was unable to compute the replica count: " + why);
    return {errc::invalid, "invalid metrics (" + std::to_string(failures.size()) +
                               " invalid out of " + std::to_string(spec_.metrics_size()) +
                               "), first error is: failed to get " + fault.what + ": " + why};
  }

  const autoscaler_view& view_;
  const k8s::autoscaling::v2::HorizontalPodAutoscalerSpec& spec_;
  pace_memory& memory_;
  autoscaler_decision out_;
};

} // namespace

autoscaler_decision plan(const autoscaler_view& view, pace_memory& memory) {
  return planner(view, memory).plan();
}

autoscaler_decision plan_without_scale(const HorizontalPodAutoscaler& scaler,
                                       const std::string& why, timestamp now) {
  autoscaler_decision out;
  out.status = scaler.status();
  set_condition(*out.status.mutable_conditions(), able, false, "FailedGetScale",
                "the HPA controller was unable to get the target's current scale: " + why, now);
  out.events.push_back({true, "FailedGetScale", why});
  return out;
}

bool asks_for_figures(const HorizontalPodAutoscaler& scaler, int32_t current) {
  auto& spec = scaler.spec();
  if (current > spec.max_replicas() || current < spec.min_replicas() || current == 0) return false;
  for (auto& m : spec.metrics())
    if (m.type() == "Resource" || m.type() == "ContainerResource") return true;
  return false;
}

} // namespace troupe::controllers
