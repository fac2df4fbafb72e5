#include "actors/gateway/versions.hpp"

#include "messages/api/autoscaling_v1.pb.h"
#include "messages/api/autoscaling_v2.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/wire.hpp"

#include <map>

namespace troupe::gateway {

namespace {

namespace v1 = k8s::autoscaling::v1;
namespace v2 = k8s::autoscaling::v2;
namespace wire = codec::wire;

bool newer_event(const schema::kind& k) { return k.name == "Event" && k.group == "events.k8s.io"; }
bool older_autoscaler(const schema::kind& k) {
  return k.name == "HorizontalPodAutoscaler" && k.version == "v1";
}

/// Field numbers of events.k8s.io/v1 and their places in core/v1: the contents are the same.
/// Permanent.
constexpr std::pair<uint32_t, uint32_t> event_fields[] = {
    {1, 1},  {2, 10}, {3, 11}, {4, 14}, {5, 15}, {6, 12}, {7, 3}, {8, 2},
    {9, 13}, {10, 4}, {11, 9}, {12, 5}, {13, 6}, {14, 7}, {15, 8}};

/// The fields of a message under other numbers, in their order.
std::string renumbered(std::string_view bytes, bool to_core) {
  std::map<uint32_t, std::string> out;
  wire::reader in(bytes);
  while (in.next())
    for (auto [newer, core] : event_fields) {
      if (in.number != (to_core ? newer : core)) continue;
      auto number = to_core ? core : newer;
      auto& field = out[number];
      if (in.what == wire::bytes)
        wire::put_bytes(field, number, in.data);
      else
        wire::put_int(field, number, static_cast<int64_t>(in.value));
    }
  std::string all;
  for (auto& [number, field] : out) all += field;
  return all;
}

v2::HorizontalPodAutoscaler newer(const v1::HorizontalPodAutoscaler& from) {
  v2::HorizontalPodAutoscaler to;
  *to.mutable_metadata() = from.metadata();
  auto& spec = *to.mutable_spec();
  spec.mutable_scale_target_ref()->ParsePartialFromString(
      from.spec().scale_target_ref().SerializePartialAsString());
  if (from.spec().has_min_replicas()) spec.set_min_replicas(from.spec().min_replicas());
  spec.set_max_replicas(from.spec().max_replicas());
  if (from.spec().has_target_cpu_utilization_percentage()) {
    auto& metric = *spec.add_metrics();
    metric.set_type("Resource");
    metric.mutable_resource()->set_name("cpu");
    metric.mutable_resource()->mutable_target()->set_type("Utilization");
    metric.mutable_resource()->mutable_target()->set_average_utilization(
        from.spec().target_cpu_utilization_percentage());
  }
  auto& status = *to.mutable_status();
  status.set_current_replicas(from.status().current_replicas());
  status.set_desired_replicas(from.status().desired_replicas());
  if (from.status().has_observed_generation())
    status.set_observed_generation(from.status().observed_generation());
  if (from.status().has_last_scale_time())
    *status.mutable_last_scale_time() = from.status().last_scale_time();
  return to;
}

v1::HorizontalPodAutoscaler older(const v2::HorizontalPodAutoscaler& from) {
  v1::HorizontalPodAutoscaler to;
  *to.mutable_metadata() = from.metadata();
  auto& spec = *to.mutable_spec();
  spec.mutable_scale_target_ref()->ParsePartialFromString(
      from.spec().scale_target_ref().SerializePartialAsString());
  if (from.spec().has_min_replicas()) spec.set_min_replicas(from.spec().min_replicas());
  spec.set_max_replicas(from.spec().max_replicas());
  for (auto& m : from.spec().metrics())
    if (m.resource().name() == "cpu" && m.resource().target().has_average_utilization())
      spec.set_target_cpu_utilization_percentage(m.resource().target().average_utilization());
  auto& status = *to.mutable_status();
  status.set_current_replicas(from.status().current_replicas());
  status.set_desired_replicas(from.status().desired_replicas());
  if (from.status().has_observed_generation())
    status.set_observed_generation(from.status().observed_generation());
  if (from.status().has_last_scale_time())
    *status.mutable_last_scale_time() = from.status().last_scale_time();
  for (auto& m : from.status().current_metrics())
    if (m.resource().name() == "cpu" && m.resource().current().has_average_utilization())
      status.set_current_cpu_utilization_percentage(m.resource().current().average_utilization());
  return to;
}

template<class From, class Convert> std::string through(std::string_view bytes, Convert convert) {
  From from;
  from.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return codec::to_wire(convert(from));
}

} // namespace

std::string stored_resource(const schema::kind& kind) {
  return newer_event(kind) ? "events" : kind.group_resource();
}

bool converted(const schema::kind& kind) { return newer_event(kind) || older_autoscaler(kind); }

std::string to_stored(const schema::kind& kind, std::string_view bytes) {
  if (newer_event(kind)) return renumbered(bytes, true);
  if (older_autoscaler(kind)) return through<v1::HorizontalPodAutoscaler>(bytes, newer);
  return std::string(bytes);
}

std::string from_stored(const schema::kind& kind, std::string_view bytes) {
  if (newer_event(kind)) return renumbered(bytes, false);
  if (older_autoscaler(kind)) return through<v2::HorizontalPodAutoscaler>(bytes, older);
  return std::string(bytes);
}

} // namespace troupe::gateway
