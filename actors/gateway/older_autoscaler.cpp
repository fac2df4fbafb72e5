#include "actors/gateway/older_autoscaler.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"

namespace troupe::gateway {

namespace {

namespace v1 = k8s::autoscaling::v1;
namespace v2 = k8s::autoscaling::v2;

// Permanent: clients know them.
constexpr const char* metrics_key = "autoscaling.alpha.kubernetes.io/metrics";
constexpr const char* behavior_key = "autoscaling.alpha.kubernetes.io/behavior";
constexpr const char* current_key = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr const char* conditions_key = "autoscaling.alpha.kubernetes.io/conditions";

/// Messages that have the same fields in both versions.
template<class To, class From> void same_fields(To& to, const From& from) {
  to.ParsePartialFromString(from.SerializePartialAsString());
}

bool cpu_utilization(const v2::MetricSpec& m) {
  return m.type() == "Resource" && m.resource().name() == "cpu" &&
         m.resource().target().has_average_utilization();
}

// What a metric aims at, and what it is.

template<class Old> void old_average(Old& to, const v2::MetricTarget& from) {
  if (from.has_average_utilization()) to.set_target_average_utilization(from.average_utilization());
  if (from.has_average_value()) *to.mutable_target_average_value() = from.average_value();
}

template<class Old> v2::MetricTarget new_average(const Old& from) {
  v2::MetricTarget to;
  to.set_type(from.has_target_average_utilization() ? "Utilization" : "AverageValue");
  if (from.has_target_average_utilization())
    to.set_average_utilization(from.target_average_utilization());
  if (from.has_target_average_value()) *to.mutable_average_value() = from.target_average_value();
  return to;
}

template<class Old> void old_average(Old& to, const v2::MetricValueStatus& from) {
  if (from.has_average_utilization())
    to.set_current_average_utilization(from.average_utilization());
  if (from.has_average_value()) *to.mutable_current_average_value() = from.average_value();
}

template<class Old> void new_average(v2::MetricValueStatus& to, const Old& from) {
  if (from.has_current_average_utilization())
    to.set_average_utilization(from.current_average_utilization());
  if (from.has_current_average_value()) *to.mutable_average_value() = from.current_average_value();
}

// What is measured is said alike in specs and statuses.

template<class Old, class New> void old_subject(Old& to, const New& from) {
  to.set_type(from.type());
  if (from.has_resource()) to.mutable_resource()->set_name(from.resource().name());
  if (from.has_container_resource()) {
    to.mutable_container_resource()->set_name(from.container_resource().name());
    to.mutable_container_resource()->set_container(from.container_resource().container());
  }
  if (from.has_pods()) {
    to.mutable_pods()->set_metric_name(from.pods().metric().name());
    if (from.pods().metric().has_selector())
      *to.mutable_pods()->mutable_selector() = from.pods().metric().selector();
  }
  if (from.has_object()) {
    same_fields(*to.mutable_object()->mutable_target(), from.object().described_object());
    to.mutable_object()->set_metric_name(from.object().metric().name());
    if (from.object().metric().has_selector())
      *to.mutable_object()->mutable_selector() = from.object().metric().selector();
  }
  if (from.has_external()) {
    to.mutable_external()->set_metric_name(from.external().metric().name());
    if (from.external().metric().has_selector())
      *to.mutable_external()->mutable_metric_selector() = from.external().metric().selector();
  }
}

template<class New, class Old> void new_subject(New& to, const Old& from) {
  to.set_type(from.type());
  if (from.has_resource()) to.mutable_resource()->set_name(from.resource().name());
  if (from.has_container_resource()) {
    to.mutable_container_resource()->set_name(from.container_resource().name());
    to.mutable_container_resource()->set_container(from.container_resource().container());
  }
  if (from.has_pods()) {
    auto& metric = *to.mutable_pods()->mutable_metric();
    metric.set_name(from.pods().metric_name());
    if (from.pods().has_selector()) *metric.mutable_selector() = from.pods().selector();
  }
  if (from.has_object()) {
    same_fields(*to.mutable_object()->mutable_described_object(), from.object().target());
    auto& metric = *to.mutable_object()->mutable_metric();
    metric.set_name(from.object().metric_name());
    if (from.object().has_selector()) *metric.mutable_selector() = from.object().selector();
  }
  if (from.has_external()) {
    auto& metric = *to.mutable_external()->mutable_metric();
    metric.set_name(from.external().metric_name());
    if (from.external().has_metric_selector())
      *metric.mutable_selector() = from.external().metric_selector();
  }
}

v1::MetricSpec older(const v2::MetricSpec& from) {
  v1::MetricSpec to;
  old_subject(to, from);
  if (from.has_resource()) old_average(*to.mutable_resource(), from.resource().target());
  if (from.has_container_resource())
    old_average(*to.mutable_container_resource(), from.container_resource().target());
  if (from.has_pods())
    *to.mutable_pods()->mutable_target_average_value() = from.pods().target().average_value();
  if (from.has_object()) {
    auto& target = from.object().target();
    *to.mutable_object()->mutable_target_value() = target.value();
    if (target.has_average_value())
      *to.mutable_object()->mutable_average_value() = target.average_value();
  }
  if (from.has_external()) {
    auto& m = *to.mutable_external();
    auto& target = from.external().target();
    if (target.has_value()) *m.mutable_target_value() = target.value();
    if (target.has_average_value()) *m.mutable_target_average_value() = target.average_value();
  }
  return to;
}

v2::MetricSpec newer(const v1::MetricSpec& from) {
  v2::MetricSpec to;
  new_subject(to, from);
  if (from.has_resource()) *to.mutable_resource()->mutable_target() = new_average(from.resource());
  if (from.has_container_resource())
    *to.mutable_container_resource()->mutable_target() = new_average(from.container_resource());
  if (from.has_pods()) {
    auto& target = *to.mutable_pods()->mutable_target();
    target.set_type("AverageValue");
    *target.mutable_average_value() = from.pods().target_average_value();
  }
  if (from.has_object()) {
    auto& target = *to.mutable_object()->mutable_target();
    bool average = from.object().has_average_value();
    target.set_type(average ? "AverageValue" : "Value");
    if (average)
      *target.mutable_average_value() = from.object().average_value();
    else
      *target.mutable_value() = from.object().target_value();
  }
  if (from.has_external()) {
    auto& target = *to.mutable_external()->mutable_target();
    target.set_type(from.external().has_target_value() ? "Value" : "AverageValue");
    if (from.external().has_target_value())
      *target.mutable_value() = from.external().target_value();
    if (from.external().has_target_average_value())
      *target.mutable_average_value() = from.external().target_average_value();
  }
  return to;
}

v1::MetricStatus older(const v2::MetricStatus& from) {
  v1::MetricStatus to;
  old_subject(to, from);
  if (from.has_resource()) old_average(*to.mutable_resource(), from.resource().current());
  if (from.has_container_resource())
    old_average(*to.mutable_container_resource(), from.container_resource().current());
  if (from.has_pods())
    *to.mutable_pods()->mutable_current_average_value() = from.pods().current().average_value();
  if (from.has_object()) {
    auto& current = from.object().current();
    *to.mutable_object()->mutable_current_value() = current.value();
    if (current.has_average_value())
      *to.mutable_object()->mutable_average_value() = current.average_value();
  }
  if (from.has_external()) {
    auto& current = from.external().current();
    *to.mutable_external()->mutable_current_value() = current.value();
    if (current.has_average_value())
      *to.mutable_external()->mutable_current_average_value() = current.average_value();
  }
  return to;
}

v2::MetricStatus newer(const v1::MetricStatus& from) {
  v2::MetricStatus to;
  new_subject(to, from);
  if (from.has_resource()) new_average(*to.mutable_resource()->mutable_current(), from.resource());
  if (from.has_container_resource())
    new_average(*to.mutable_container_resource()->mutable_current(), from.container_resource());
  if (from.has_pods())
    *to.mutable_pods()->mutable_current()->mutable_average_value() =
        from.pods().current_average_value();
  if (from.has_object()) {
    auto& current = *to.mutable_object()->mutable_current();
    *current.mutable_value() = from.object().current_value();
    if (from.object().has_average_value())
      *current.mutable_average_value() = from.object().average_value();
  }
  if (from.has_external()) {
    auto& current = *to.mutable_external()->mutable_current();
    *current.mutable_value() = from.external().current_value();
    if (from.external().has_current_average_value())
      *current.mutable_average_value() = from.external().current_average_value();
  }
  return to;
}

/// How fast to scale, in the spelling that this annotation has always had.
json::value spelled(const v2::HPAScalingRules& rules) {
  json::array policies;
  for (auto& p : rules.policies())
    policies.push_back(json::object{
        {"Type", p.type()}, {"Value", p.value()}, {"PeriodSeconds", p.period_seconds()}});
  json::object out{{"StabilizationWindowSeconds", nullptr},
                   {"SelectPolicy", nullptr},
                   {"Policies", std::move(policies)},
                   {"Tolerance", nullptr}};
  if (rules.has_stabilization_window_seconds())
    out["StabilizationWindowSeconds"] = rules.stabilization_window_seconds();
  if (rules.has_select_policy()) out["SelectPolicy"] = rules.select_policy();
  if (rules.policies().empty()) out["Policies"] = nullptr;
  if (rules.has_tolerance()) out["Tolerance"] = rules.tolerance().string();
  return out;
}

std::string spelled(const v2::HorizontalPodAutoscalerBehavior& b) {
  json::object out{{"ScaleUp", nullptr}, {"ScaleDown", nullptr}};
  if (b.has_scale_up()) out["ScaleUp"] = spelled(b.scale_up());
  if (b.has_scale_down()) out["ScaleDown"] = spelled(b.scale_down());
  return json::write(json::value(std::move(out)));
}

/// The members' names as the API spells them, without those that hold nothing.
json::value api_spelling(const json::value& v) {
  if (auto all = v.if_array()) {
    json::array out;
    for (auto& x : *all) out.push_back(api_spelling(x));
    return out;
  }
  auto members = v.if_object();
  if (!members) return v;
  json::object out;
  for (auto& [key, member] : *members) {
    std::string name(key);
    if (!name.empty()) name[0] = static_cast<char>(tolower(name[0]));
    if (!member.is_null()) out[name] = api_spelling(member);
  }
  return out;
}

template<class Items> std::string listed(const Items& items) {
  std::string out;
  for (auto& x : items) out.append(out.empty() ? "[" : ",").append(codec::to_json(x));
  return out + "]";
}

/// The messages in an annotation; nothing if it is not there or says something else.
template<class Message, class Annotations>
std::vector<Message> unlisted(const Annotations& annotations, const char* key) {
  auto said = annotations.find(key);
  if (said == annotations.end()) return {};
  auto read = json::parse(said->second);
  if (!read || !read->is_array()) return {};
  std::vector<Message> out;
  for (auto& item : read->get_array())
    if (!codec::from_json(json::write(item), out.emplace_back())) return {};
  return out;
}

template<class Annotations> void drop_carried(Annotations& annotations) {
  for (auto key : {metrics_key, behavior_key, current_key, conditions_key}) annotations.erase(key);
}

} // namespace

v2::HorizontalPodAutoscaler newer(const v1::HorizontalPodAutoscaler& from) {
  v2::HorizontalPodAutoscaler to;
  *to.mutable_metadata() = from.metadata();
  auto& carried = from.metadata().annotations();
  auto& spec = *to.mutable_spec();
  same_fields(*spec.mutable_scale_target_ref(), from.spec().scale_target_ref());
  if (from.spec().has_min_replicas()) spec.set_min_replicas(from.spec().min_replicas());
  spec.set_max_replicas(from.spec().max_replicas());
  for (auto& m : unlisted<v1::MetricSpec>(carried, metrics_key)) *spec.add_metrics() = newer(m);
  if (from.spec().has_target_cpu_utilization_percentage()) {
    auto& metric = *spec.add_metrics();
    metric.set_type("Resource");
    metric.mutable_resource()->set_name("cpu");
    metric.mutable_resource()->mutable_target()->set_type("Utilization");
    metric.mutable_resource()->mutable_target()->set_average_utilization(
        from.spec().target_cpu_utilization_percentage());
  }
  if (auto said = carried.find(behavior_key); said != carried.end())
    if (auto read = json::parse(said->second); read && read->is_object())
      if (!codec::from_json(json::write(api_spelling(*read)), *spec.mutable_behavior()))
        spec.clear_behavior();
  auto& status = *to.mutable_status();
  status.set_current_replicas(from.status().current_replicas());
  status.set_desired_replicas(from.status().desired_replicas());
  if (from.status().has_observed_generation())
    status.set_observed_generation(from.status().observed_generation());
  if (from.status().has_last_scale_time())
    *status.mutable_last_scale_time() = from.status().last_scale_time();
  for (auto& m : unlisted<v1::MetricStatus>(carried, current_key))
    *status.add_current_metrics() = newer(m);
  if (status.current_metrics().empty() && from.status().has_current_cpu_utilization_percentage()) {
    auto& metric = *status.add_current_metrics();
    metric.set_type("Resource");
    metric.mutable_resource()->set_name("cpu");
    metric.mutable_resource()->mutable_current()->set_average_utilization(
        from.status().current_cpu_utilization_percentage());
  }
  for (auto& c : unlisted<v1::HorizontalPodAutoscalerCondition>(carried, conditions_key))
    same_fields(*status.add_conditions(), c);
  drop_carried(*to.mutable_metadata()->mutable_annotations());
  return to;
}

v1::HorizontalPodAutoscaler older(const v2::HorizontalPodAutoscaler& from) {
  v1::HorizontalPodAutoscaler to;
  *to.mutable_metadata() = from.metadata();
  auto& carried = *to.mutable_metadata()->mutable_annotations();
  drop_carried(carried);
  auto& spec = *to.mutable_spec();
  same_fields(*spec.mutable_scale_target_ref(), from.spec().scale_target_ref());
  if (from.spec().has_min_replicas()) spec.set_min_replicas(from.spec().min_replicas());
  spec.set_max_replicas(from.spec().max_replicas());
  std::vector<v1::MetricSpec> others;
  for (auto& m : from.spec().metrics())
    if (!cpu_utilization(m))
      others.push_back(older(m));
    else if (!spec.has_target_cpu_utilization_percentage())
      spec.set_target_cpu_utilization_percentage(m.resource().target().average_utilization());
  if (!others.empty()) carried[metrics_key] = listed(others);
  if (from.spec().has_behavior()) carried[behavior_key] = spelled(from.spec().behavior());
  auto& status = *to.mutable_status();
  status.set_current_replicas(from.status().current_replicas());
  status.set_desired_replicas(from.status().desired_replicas());
  if (from.status().has_observed_generation())
    status.set_observed_generation(from.status().observed_generation());
  if (from.status().has_last_scale_time())
    *status.mutable_last_scale_time() = from.status().last_scale_time();
  std::vector<v1::MetricStatus> current;
  for (auto& m : from.status().current_metrics()) {
    current.push_back(older(m));
    if (m.resource().name() == "cpu" && m.resource().current().has_average_utilization())
      status.set_current_cpu_utilization_percentage(m.resource().current().average_utilization());
  }
  if (!current.empty()) carried[current_key] = listed(current);
  std::vector<v1::HorizontalPodAutoscalerCondition> conditions;
  for (auto& c : from.status().conditions()) same_fields(conditions.emplace_back(), c);
  if (!conditions.empty()) carried[conditions_key] = listed(conditions);
  return to;
}

} // namespace troupe::gateway
