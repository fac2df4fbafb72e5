#include "actors/node/usage_meter.hpp"

#include "messages/api/metrics.pb.h"

#include <algorithm>
#include <map>

namespace troupe::node {

namespace {

using usage_map = google::protobuf::Map<std::string, k8s::base::Quantity>;

constexpr int64_t settle_ms = 15'000; // a sample this old is a better beginning than a fresh one

void fill(usage_map& to, const runtime::cgroup_usage& before, const runtime::cgroup_usage& after,
          int64_t window_ms) {
  auto used = after.cpu_nanos > before.cpu_nanos ? after.cpu_nanos - before.cpu_nanos : 0;
  to["cpu"].set_string(std::to_string(used * 1000 / static_cast<uint64_t>(window_ms)) + "n");
  to["memory"].set_string(std::to_string(after.working_set_bytes / 1024) + "Ki");
}

template<class Metrics> void date(Metrics& m, const machine_use& after, int64_t window_ms) {
  m.mutable_timestamp()->set_seconds(after.now_ms / 1000);
  m.mutable_window()->set_duration(window_ms * 1'000'000);
  m.mutable_metadata()->mutable_creation_timestamp()->set_seconds(after.now_ms / 1000);
}

} // namespace

cluster::Usage usage_between(const machine_use& before, const machine_use& after,
                             const std::string& node) {
  cluster::Usage out;
  auto window = std::max<int64_t>(1, after.now_ms - before.now_ms);
  k8s::metrics::v1beta1::NodeMetrics whole;
  whole.mutable_metadata()->set_name(node);
  date(whole, after, window);
  fill(*whole.mutable_usage(), before.node, after.node, window);
  out.set_node(whole.SerializeAsString());

  std::map<std::pair<std::string, std::string>, const container_use*> known;
  for (auto& c : before.containers) known[{c.uid, c.container}] = &c;
  std::map<std::string, k8s::metrics::v1beta1::PodMetrics> pods;
  for (auto& c : after.containers) {
    auto hit = known.find({c.uid, c.container});
    if (hit == known.end() || hit->second->started_seconds != c.started_seconds) continue;
    auto& pod = pods[c.uid];
    pod.mutable_metadata()->set_name(c.pod);
    pod.mutable_metadata()->set_namespace_(c.ns);
    date(pod, after, window);
    auto& one = *pod.add_containers();
    one.set_name(c.container);
    fill(*one.mutable_usage(), hit->second->use, c.use, window);
  }
  for (auto& [uid, pod] : pods) out.add_pods(pod.SerializeAsString());
  return out;
}

std::optional<cluster::Usage> usage_meter::add(machine_use sample, const std::string& node) {
  std::lock_guard lock(mutex_);
  auto fit = [&](const std::optional<machine_use>& from) {
    if (!from) return false;
    auto age = sample.now_ms - from->now_ms;
    return age >= window_ms_min && age <= window_ms_max;
  };
  std::optional<cluster::Usage> out;
  for (auto* from : {&older_, &newer_})
    if (!out && fit(*from)) out = usage_between(**from, sample, node);
  if (!newer_ || sample.now_ms - newer_->now_ms >= settle_ms || sample.now_ms < newer_->now_ms) {
    older_ = std::move(newer_);
    newer_ = std::move(sample);
  }
  return out;
}

} // namespace troupe::node
