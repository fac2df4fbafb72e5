// Horizontal autoscalers in both versions, and the Scale subresource.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/autoscaling_v1.pb.h"
#include "messages/api/autoscaling_v2.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

namespace v1 = k8s::autoscaling::v1;
using namespace k8s::autoscaling::v2;

constexpr int32_t window_seconds_max = 3600;
constexpr int32_t period_seconds_max = 1800;

template<class Reference> void target_ref(report& out, const path& at, const Reference& r) {
  if (out.not_empty(at / "kind", r.kind()))
    out.invalid(at / "kind", r.kind(), names::path_segment(r.kind()));
  if (out.not_empty(at / "name", r.name()))
    out.invalid(at / "name", r.name(), names::path_segment(r.name()));
}

template<class Spec> void bounds(report& out, const path& at, const Spec& s) {
  if (s.has_min_replicas() && s.min_replicas() < 1)
    out.invalid(at / "minReplicas", s.min_replicas(), "must be greater than or equal to 1");
  if (s.max_replicas() < 1)
    out.invalid(at / "maxReplicas", s.max_replicas(), "must be greater than 0");
  if (s.has_min_replicas() && s.max_replicas() < s.min_replicas())
    out.invalid(at / "maxReplicas", s.max_replicas(),
                "must be greater than or equal to `minReplicas`");
}

void metric_target(report& out, const path& at, const MetricTarget& t) {
  if (t.type().empty()) out.required(at / "type", "must specify a metric target type");
  if (t.type() != "Utilization" && t.type() != "Value" && t.type() != "AverageValue")
    out.invalid(at / "type", t.type(), "must be either Utilization, Value, or AverageValue");
  if (t.has_value() && !(amount(t.value()) > quantity()))
    out.invalid(at / "value", t.value().string(), "must be positive");
  if (t.has_average_value() && !(amount(t.average_value()) > quantity()))
    out.invalid(at / "averageValue", t.average_value().string(), "must be positive");
  if (t.has_average_utilization() && t.average_utilization() < 1)
    out.invalid(at / "averageUtilization", t.average_utilization(), "must be greater than 0");
}

void metric_name(report& out, const path& at, const MetricIdentifier& m) {
  if (out.not_empty(at / "name", m.name(), "must specify a metric name"))
    out.invalid(at / "name", m.name(), names::path_segment(m.name()));
}

/// Targets of resources are a share of what pods asked for, or an amount for each pod.
void resource_target(report& out, const path& at, const MetricTarget& t) {
  auto target = at / "target";
  metric_target(out, target, t);
  if (!t.has_average_utilization() && !t.has_average_value())
    out.required(target / "averageUtilization",
                 "must set either a target raw value or a target utilization");
  if (t.has_average_utilization() && t.has_average_value())
    out.forbidden(target / "averageValue",
                  "may not set both a target raw value and a target utilization");
}

void object_source(report& out, const path& at, const ObjectMetricSource& s) {
  auto target = at / "target";
  target_ref(out, at / "describedObject", s.described_object());
  metric_name(out, at / "metric", s.metric());
  metric_target(out, target, s.target());
  if (!s.target().has_value() && !s.target().has_average_value())
    out.required(target / "averageValue", "must set either a target value or averageValue");
}

void external_source(report& out, const path& at, const ExternalMetricSource& s) {
  auto target = at / "target";
  metric_name(out, at / "metric", s.metric());
  metric_target(out, target, s.target());
  if (!s.target().has_value() && !s.target().has_average_value())
    out.required(target / "averageValue",
                 "must set either a target value for metric or a per-pod target");
  if (s.target().has_value() && s.target().has_average_value())
    out.forbidden(target / "value",
                  "may not set both a target value for metric and a per-pod target");
}

void pods_source(report& out, const path& at, const PodsMetricSource& s) {
  auto target = at / "target";
  metric_name(out, at / "metric", s.metric());
  metric_target(out, target, s.target());
  if (!s.target().has_average_value())
    out.required(target / "averageValue", "must specify a positive target averageValue");
}

void resource_source(report& out, const path& at, const ResourceMetricSource& s) {
  out.not_empty(at / "name", s.name(), "must specify a resource name");
  resource_target(out, at, s.target());
}

void container_source(report& out, const path& at, const ContainerResourceMetricSource& s) {
  if (out.not_empty(at / "name", s.name(), "must specify a resource name"))
    container_resource_name(out, at / "name", s.name());
  if (out.not_empty(at / "container", s.container(), "must specify a container"))
    out.invalid(at / "container", s.container(), names::dns_label(s.container()));
  resource_target(out, at, s.target());
}

/// Exactly the one source that the type names. Only the first that is there is looked at closely.
void metric(report& out, const path& at, const MetricSpec& m) {
  struct part {
    const char* type;
    const char* name;
    bool there;
  };
  const part parts[] = {{"Object", "object", m.has_object()},
                        {"External", "external", m.has_external()},
                        {"Pods", "pods", m.has_pods()},
                        {"Resource", "resource", m.has_resource()},
                        {"ContainerResource", "containerResource", m.has_container_resource()}};
  auto type = at / "type";
  auto right =
      std::find_if(std::begin(parts), std::end(parts), [&](auto& p) { return m.type() == p.type; });
  bool known = right != std::end(parts);
  if (m.type().empty()) out.required(type, "must specify a metric source type");
  if (!known)
    out.not_supported(type, m.type(),
                      {"ContainerResource", "External", "Object", "Pods", "Resource"});
  if (m.has_object())
    object_source(out, at / "object", m.object());
  else if (m.has_external())
    external_source(out, at / "external", m.external());
  else if (m.has_pods())
    pods_source(out, at / "pods", m.pods());
  else if (m.has_resource())
    resource_source(out, at / "resource", m.resource());
  else if (m.has_container_resource())
    container_source(out, at / "containerResource", m.container_resource());
  if (known && !right->there)
    out.required(at / right->name, "must populate information for the given metric source");
  if (std::count_if(std::begin(parts), std::end(parts), [](auto& p) { return p.there; }) == 1)
    return;
  for (auto& p : parts)
    if (p.there && !(known && &p == right))
      out.forbidden(at / p.name, "must populate the given metric source only");
}

void scaling_rules(report& out, const path& at, const HPAScalingRules& r) {
  auto window = at / "stabilizationWindowSeconds";
  if (r.stabilization_window_seconds() < 0)
    out.invalid(window, r.stabilization_window_seconds(), "must be greater than or equal to zero");
  if (r.stabilization_window_seconds() > window_seconds_max)
    out.invalid(window, r.stabilization_window_seconds(), "must be less than or equal to 3600");
  if (r.has_select_policy())
    out.one_of(at / "selectPolicy", r.select_policy(), {"Disabled", "Max", "Min"});
  if (r.has_tolerance() && amount(r.tolerance()).negative())
    out.invalid(at / "tolerance", r.tolerance().string(), "must be greater than or equal to 0");
  if (r.policies().empty()) out.required(at / "policies", "must specify at least one Policy");
  for (int i = 0; i < r.policies_size(); ++i) {
    auto here = at.at("policies", i);
    auto& p = r.policies(i);
    if (p.type() != "Pods" && p.type() != "Percent")
      out.not_supported(here / "type", p.type(), {"Percent", "Pods"});
    out.positive(here / "value", p.value());
    out.positive(here / "periodSeconds", p.period_seconds());
    if (p.period_seconds() > period_seconds_max)
      out.invalid(here / "periodSeconds", p.period_seconds(), "must be less than or equal to 1800");
  }
}

bool scales_from_zero(const HorizontalPodAutoscalerSpec& s) {
  for (auto& m : s.metrics())
    if (m.type() == "Object" || m.type() == "External") return true;
  return false;
}

constexpr const char* needs_metric =
    "must specify at least one Object or External metric to support scaling to zero replicas";

void autoscaler_v2(report& out, const HorizontalPodAutoscaler& h) {
  path top;
  auto at = top / "spec";
  bounds(out, at, h.spec());
  target_ref(out, at / "scaleTargetRef", h.spec().scale_target_ref());
  for (int i = 0; i < h.spec().metrics_size(); ++i)
    metric(out, at.at("metrics", i), h.spec().metrics(i));
  if (h.spec().has_min_replicas() && h.spec().min_replicas() == 0 && !scales_from_zero(h.spec()))
    out.forbidden(at / "metrics", needs_metric);
  auto behavior = at / "behavior";
  if (h.spec().behavior().has_scale_up())
    scaling_rules(out, behavior / "scaleUp", h.spec().behavior().scale_up());
  if (h.spec().behavior().has_scale_down())
    scaling_rules(out, behavior / "scaleDown", h.spec().behavior().scale_down());
}

void autoscaler_v1(report& out, const v1::HorizontalPodAutoscaler& h) {
  path top;
  auto at = top / "spec";
  auto& s = h.spec();
  bounds(out, at, s);
  target_ref(out, at / "scaleTargetRef", s.scale_target_ref());
  // Told as what it stands for in v2.
  if (s.has_target_cpu_utilization_percentage() && s.target_cpu_utilization_percentage() < 1)
    out.invalid(at / "metrics[0].resource.target.averageUtilization",
                s.target_cpu_utilization_percentage(), "must be greater than 0");
  if (s.has_min_replicas() && s.min_replicas() == 0) out.forbidden(at / "metrics", needs_metric);
}

template<class Autoscaler>
void autoscaler_status(report& out, const Autoscaler& h, const Autoscaler&) {
  path top;
  auto at = top / "status";
  out.not_negative(at / "currentReplicas", h.status().current_replicas());
  out.not_negative(at / "desiredReplicas", h.status().desired_replicas());
}

void scale(report& out, const v1::Scale& s) {
  path at;
  out.not_negative(at / "spec.replicas", s.spec().replicas());
}

} // namespace

std::vector<row> autoscaling_kinds() {
  return {
      kind_row<HorizontalPodAutoscaler>()
          .any_time<autoscaler_v2>()
          .on_status<autoscaler_status<HorizontalPodAutoscaler>>(),
      kind_row<v1::HorizontalPodAutoscaler>()
          .any_time<autoscaler_v1>()
          .on_status<autoscaler_status<v1::HorizontalPodAutoscaler>>(),
      kind_row<v1::Scale>().any_time<scale>(),
  };
}

} // namespace troupe::schema::validate
