// Nodes, volumes, and amounts of resources: rounded up to thousandths, and derived from one another
// in limit ranges and nodes.
#include "messages/schema/defaults/rules.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/container.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/quota.pb.h"

namespace troupe::schema::defaults {

namespace {

using namespace k8s::core::v1;

/// Nothing finer than a thousandth of a unit is kept.
template<class Amounts> void round_up(Amounts& amounts) {
  for (auto& [name, amount] : amounts) {
    auto& text = amount.string();
    // Only these forms can be finer.
    if (text.find_first_of(".nue") == text.npos) continue;
    if (auto read = quantity::parse(text)) amount.set_string(read->rounded_up_to_milli().text());
  }
}

void requirements(ResourceRequirements& r) {
  round_up(*r.mutable_limits());
  round_up(*r.mutable_requests());
}

void volume_requirements(VolumeResourceRequirements& r) {
  round_up(*r.mutable_limits());
  round_up(*r.mutable_requests());
}

void overhead(PodSpec& spec) { round_up(*spec.mutable_overhead()); }
void capacity(PersistentVolumeSpec& spec) { round_up(*spec.mutable_capacity()); }
void quota_spec(ResourceQuotaSpec& spec) { round_up(*spec.mutable_hard()); }

void quota_status(ResourceQuotaStatus& status) {
  round_up(*status.mutable_hard());
  round_up(*status.mutable_used());
}

/// max -> default -> defaultRequest, and min for what is left.
void limit_range_item(LimitRangeItem& item) {
  round_up(*item.mutable_max());
  round_up(*item.mutable_min());
  round_up(*item.mutable_default_());
  round_up(*item.mutable_default_request());
  if (item.type() != "Container") return;
  fill_in(*item.mutable_default_(), item.max());
  fill_in(*item.mutable_default_request(), item.default_());
  fill_in(*item.mutable_default_request(), item.min());
}

void node_status(NodeStatus& status) {
  if (status.allocatable().empty()) *status.mutable_allocatable() = status.capacity();
  round_up(*status.mutable_capacity());
  round_up(*status.mutable_allocatable());
}

/// The first of the ranges and the one that older clients know are kept in step: what they write
/// goes first.
void node_spec(NodeSpec& spec) {
  if (!spec.pod_cidr().empty() &&
      (spec.pod_cidrs().empty() || spec.pod_cidrs(0) != spec.pod_cidr())) {
    spec.clear_pod_cidrs();
    spec.add_pod_cidrs(spec.pod_cidr());
  }
  if (!spec.pod_cidrs().empty()) spec.set_pod_cidr(spec.pod_cidrs(0));
}

void volume(PersistentVolume& v) { v.mutable_status(); }
void claim(PersistentVolumeClaim& c) { c.mutable_status(); }

} // namespace

std::vector<rule> resource_rules() {
  return {
      rule_for<requirements>(),
      rule_for<volume_requirements>(),
      rule_for<overhead>(),
      rule_for<capacity>(),
      rule_for<quota_spec>(),
      rule_for<quota_status>(),
      rule_for<limit_range_item>(),
      rule_for<node_status>(),
      rule_for<node_spec>(),
      rule_for<volume>(),
      rule_for<claim>(),
  };
}

} // namespace troupe::schema::defaults
