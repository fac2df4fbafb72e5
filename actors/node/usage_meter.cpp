#include "actors/node/usage_meter.hpp"

#include "messages/api/metrics.pb.h"

#include <algorithm>
#include <map>
#include <tuple>

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

/// What was used between samples of before, the best first, and one of now. Containers are compared
/// with the first sample that they are in as they are; those that are in none are left out.
cluster::Usage usage_between(const std::vector<const machine_use*>& before,
                             const machine_use& after, const std::string& node) {
  cluster::Usage out;
  auto window_since = [&](const machine_use& start) {
    return std::max<int64_t>(1, after.now_ms - start.now_ms);
  };
  auto& start = *before.front();
  k8s::metrics::v1beta1::NodeMetrics whole;
  whole.mutable_metadata()->set_name(node);
  date(whole, after, window_since(start));
  fill(*whole.mutable_usage(), start.node, after.node, window_since(start));
  out.set_node(whole.SerializeAsString());

  struct beginning {
    const container_use* use;
    int64_t window_ms;
  };
  auto identity = [](const container_use& c) {
    return std::tuple(c.uid, c.container, c.started_seconds);
  };
  std::map<std::tuple<std::string, std::string, int64_t>, beginning> known;
  for (auto sample : before)
    for (auto& c : sample->containers)
      known.try_emplace(identity(c), beginning{&c, window_since(*sample)});
  std::map<std::string, k8s::metrics::v1beta1::PodMetrics> pods;
  for (auto& c : after.containers) {
    auto hit = known.find(identity(c));
    if (hit == known.end()) continue;
    auto& [use, window_ms] = hit->second;
    auto& pod = pods[c.uid];
    pod.mutable_metadata()->set_name(c.pod);
    pod.mutable_metadata()->set_namespace_(c.ns);
    date(pod, after, window_ms);
    auto& one = *pod.add_containers();
    one.set_name(c.container);
    fill(*one.mutable_usage(), use->use, c.use, window_ms);
  }
  for (auto& [uid, pod] : pods) out.add_pods(pod.SerializeAsString());
  return out;
}

} // namespace

std::optional<cluster::Usage> usage_meter::add(machine_use sample, const std::string& node) {
  std::lock_guard lock(mutex_);
  auto fit = [&](const std::optional<machine_use>& from) {
    if (!from) return false;
    auto age = sample.now_ms - from->now_ms;
    return age >= window_ms_min && age <= window_ms_max;
  };
  std::vector<const machine_use*> before;
  for (auto* from : {&older_, &newer_})
    if (fit(*from)) before.push_back(&**from);
  std::optional<cluster::Usage> out;
  if (!before.empty()) out = usage_between(before, sample, node);
  if (!newer_ || sample.now_ms - newer_->now_ms >= settle_ms || sample.now_ms < newer_->now_ms) {
    older_ = std::move(newer_);
    newer_ = std::move(sample);
  }
  return out;
}

} // namespace troupe::node
