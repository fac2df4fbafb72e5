// Controllers of pods: deployments and their kin, jobs, autoscalers.
#include "messages/schema/defaults/rules.hpp"

#include "messages/api/autoscaling_v1.pb.h"
#include "messages/api/autoscaling_v2.pb.h"
#include "messages/api/cron_job.pb.h"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/replication.pb.h"
#include "messages/api/stateful_set.pb.h"

#include <limits>

namespace troupe::schema::defaults {

namespace {

using namespace k8s;

void replication_controller(core::v1::ReplicationController& rc) {
  if (!rc.spec().has_template_()) return;
  auto labels = rc.spec().template_().metadata().labels();
  if (labels.empty()) return;
  if (rc.spec().selector().empty()) *rc.mutable_spec()->mutable_selector() = labels;
  if (rc.metadata().labels().empty()) *rc.mutable_metadata()->mutable_labels() = labels;
}

bool rolls(const std::string& type) { return type.empty() || type == "RollingUpdate"; }

void deployment_strategy(apps::v1::DeploymentStrategy& s) {
  if (rolls(s.type())) s.mutable_rolling_update();
}

void daemon_set_strategy(apps::v1::DaemonSetUpdateStrategy& s) {
  if (rolls(s.type())) s.mutable_rolling_update();
}

void stateful_set_strategy(apps::v1::StatefulSetUpdateStrategy& s) {
  if (s.type().empty()) s.mutable_rolling_update();
}

/// Of jobs alone: the template of a cron job stays as it was written.
void fill_in(batch::v1::JobSpec& spec) {
  if (!spec.has_completions() && !spec.has_parallelism()) spec.set_completions(1);
  if (!spec.has_parallelism()) spec.set_parallelism(1);
  if (!spec.has_backoff_limit())
    spec.set_backoff_limit(spec.has_backoff_limit_per_index() ? std::numeric_limits<int32_t>::max()
                                                              : 6);
  if (spec.pod_replacement_policy().empty())
    spec.set_pod_replacement_policy(spec.has_pod_failure_policy() ? "Failed"
                                                                  : "TerminatingOrFailed");
  if (spec.completion_mode().empty()) spec.set_completion_mode("NonIndexed");
  if (!spec.has_suspend()) spec.set_suspend(false);
  if (!spec.has_manual_selector()) spec.set_manual_selector(false);
}

void job(batch::v1::Job& j) {
  fill_in(*j.mutable_spec());
  auto& labels = j.spec().template_().metadata().labels();
  if (j.metadata().labels().empty() && !labels.empty())
    *j.mutable_metadata()->mutable_labels() = labels;
}

void autoscaler_v1(autoscaling::v1::HorizontalPodAutoscaler& a) {
  // Metrics of newer versions travel in this annotation.
  if (a.metadata().annotations().contains("autoscaling.alpha.kubernetes.io/metrics")) return;
  if (!a.spec().has_target_cpu_utilization_percentage())
    a.mutable_spec()->set_target_cpu_utilization_percentage(80);
}

struct scaling_policy {
  const char* type;
  int32_t value;
  int32_t period_seconds;
};

void add_policies(autoscaling::v2::HPAScalingRules& rules,
                  std::initializer_list<scaling_policy> policies) {
  if (!rules.policies().empty()) return;
  for (auto& p : policies) {
    auto& added = *rules.add_policies();
    added.set_type(p.type);
    added.set_value(p.value);
    added.set_period_seconds(p.period_seconds);
  }
}

void autoscaler_v2(autoscaling::v2::HorizontalPodAutoscalerSpec& spec) {
  if (spec.metrics().empty()) {
    auto& metric = *spec.add_metrics();
    metric.set_type("Resource");
    metric.mutable_resource()->set_name("cpu");
    metric.mutable_resource()->mutable_target()->set_type("Utilization");
    metric.mutable_resource()->mutable_target()->set_average_utilization(80);
  }
}

void autoscaler_behavior(autoscaling::v2::HorizontalPodAutoscalerBehavior& b) {
  auto& up = *b.mutable_scale_up();
  if (!up.has_stabilization_window_seconds()) up.set_stabilization_window_seconds(0);
  add_policies(up, {{"Pods", 4, 15}, {"Percent", 100, 15}});
  add_policies(*b.mutable_scale_down(), {{"Percent", 100, 15}});
}

} // namespace

std::vector<rule> workload_rules() {
  return {
      rule_for<replication_controller>(),
      rule_for<deployment_strategy>(),
      rule_for<daemon_set_strategy>(),
      rule_for<stateful_set_strategy>(),
      rule_for<job>(),
      rule_for<autoscaler_v1>(),
      rule_for<autoscaler_v2>(),
      rule_for<autoscaler_behavior>(),
  };
}

} // namespace troupe::schema::defaults
