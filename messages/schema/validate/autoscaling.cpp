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
  if (out.not_empty(at / "name", m.name()))
    out.invalid(at / "name", m.name(), names::path_segment(m.name()));
  if (m.has_selector()) label_selector(out, at / "selector", m.selector());
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

void metric(report& out, const path& at, const MetricSpec& m) {
  constexpr std::string_view types[] = {"ContainerResource", "External", "Object", "Pods",
                                        "Resource"};
  if (m.type().empty()) out.required(at / "type", "must specify a metric source type");
  if (std::find(std::begin(types), std::end(types), m.type()) == std::end(types))
    return out.not_supported(at / "type", m.type(),
                             {"ContainerResource", "External", "Object", "Pods", "Resource"});
  struct part {
    const char* type;
    const char* name;
    bool there;
  };
  for (auto& [type, name, there] :
       {part{"Object", "object", m.has_object()}, part{"Pods", "pods", m.has_pods()},
        part{"Resource", "resource", m.has_resource()},
        part{"External", "external", m.has_external()},
        part{"ContainerResource", "containerResource", m.has_container_resource()}}) {
    if (m.type() == type && !there)
      out.required(at / name, "must populate information for the given metric source");
    if (m.type() != type && there)
      out.forbidden(at / name, "must populate the given metric source only");
  }
  if (m.type() == "Object" && m.has_object()) {
    auto here = at / "object";
    auto target = here / "target";
    target_ref(out, here / "describedObject", m.object().described_object());
    metric_name(out, here / "metric", m.object().metric());
    metric_target(out, target, m.object().target());
    if (!m.object().target().has_value() && !m.object().target().has_average_value())
      out.required(target / "averageValue", "must set either a target value or averageValue");
  } else if (m.type() == "Pods" && m.has_pods()) {
    auto here = at / "pods";
    auto target = here / "target";
    metric_name(out, here / "metric", m.pods().metric());
    metric_target(out, target, m.pods().target());
    if (!m.pods().target().has_average_value())
      out.required(target / "averageValue", "must specify a positive target averageValue");
  } else if (m.type() == "Resource" && m.has_resource()) {
    auto here = at / "resource";
    out.not_empty(here / "name", m.resource().name(), "must specify a resource name");
    resource_target(out, here, m.resource().target());
  } else if (m.type() == "ContainerResource" && m.has_container_resource()) {
    auto here = at / "containerResource";
    out.not_empty(here / "name", m.container_resource().name(), "must specify a resource name");
    out.not_empty(here / "container", m.container_resource().container(),
                  "must specify a container");
    resource_target(out, here, m.container_resource().target());
  } else if (m.type() == "External" && m.has_external()) {
    auto here = at / "external";
    auto target = here / "target";
    metric_name(out, here / "metric", m.external().metric());
    metric_target(out, target, m.external().target());
    if (!m.external().target().has_value() && !m.external().target().has_average_value())
      out.required(target / "averageValue",
                   "must set either a target value for metric or a per-pod target");
    if (m.external().target().has_value() && m.external().target().has_average_value())
      out.forbidden(target / "value",
                    "may not set both a target value for metric and a per-pod target");
  }
}

void scaling_rules(report& out, const path& at, const HPAScalingRules& r) {
  auto window = at / "stabilizationWindowSeconds";
  out.not_negative(window, r.stabilization_window_seconds());
  if (r.stabilization_window_seconds() > window_seconds_max)
    out.invalid(window, r.stabilization_window_seconds(), "must be less than or equal to 3600");
  if (!r.select_policy().empty())
    out.one_of(at / "selectPolicy", r.select_policy(), {"Disabled", "Max", "Min"});
  if (r.has_tolerance() && amount(r.tolerance()).negative())
    out.invalid(at / "tolerance", r.tolerance().string(), "must be greater than or equal to 0");
  if (r.policies().empty()) out.required(at / "policies", "must specify at least one Policy");
  for (int i = 0; i < r.policies_size(); ++i) {
    auto here = at.at("policies", i);
    auto& p = r.policies(i);
    out.one_of(here / "type", p.type(), {"Pods", "Percent"});
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
