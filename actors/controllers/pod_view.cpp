#include "actors/controllers/pod_view.hpp"

#include "actors/controllers/family.hpp"
#include "actors/gateway/decoded.hpp"
#include "messages/api/pod.pb.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace troupe::controllers {

namespace {

constexpr const char* deletion_cost_annotation = "controller.kubernetes.io/pod-deletion-cost";

pod_phase phase_of(std::string_view text) {
  if (text == "Running") return pod_phase::running;
  if (text == "Succeeded") return pod_phase::succeeded;
  if (text == "Failed") return pod_phase::failed;
  if (text == "Unknown") return pod_phase::unknown;
  return pod_phase::pending;
}

timestamp time_of(const k8s::meta::v1::Time& t) { return {t.seconds(), t.nanos()}; }

/// Ages that differ by less than a factor of two count as equal, so that it is not always the
/// youngest of a node or zone that goes: in powers of two nanoseconds, as Kubernetes counts.
int64_t magnitude(timestamp since, timestamp now) {
  auto age = static_cast<double>(now.seconds - since.seconds) * 1e9 + (now.nanos - since.nanos);
  return age <= 0 ? -1 : static_cast<int64_t>(std::log2(age));
}

int rank(pod_phase p) { return p == pod_phase::pending ? 0 : p == pod_phase::unknown ? 1 : 2; }

} // namespace

bool is_sidecar(const k8s::core::v1::Pod& pod, std::string_view container) {
  auto& all = pod.spec().init_containers();
  return std::any_of(all.begin(), all.end(), [&](auto& c) {
    return c.name() == container && c.restart_policy() == "Always";
  });
}

pod_view pod_view::of(storage::entry_ptr entry) {
  auto whole = gateway::decoded<k8s::core::v1::Pod>(*entry);
  auto& pod = *whole;
  auto& m = pod.metadata();
  pod_view v;
  v.key = entry->key();
  v.name = v.key.substr(v.key.rfind('/') + 1);
  v.node = entry->field("spec.nodeName").value_or("");
  v.uid = m.uid();
  v.phase = phase_of(pod.status().phase());
  v.going = m.has_deletion_timestamp();
  v.created = time_of(m.creation_timestamp());
  for (auto& c : pod.status().conditions())
    if (c.type() == "Ready") {
      v.ready = c.status() == "True";
      v.ready_since = time_of(c.last_transition_time());
    }
  for (auto& c : pod.status().container_statuses())
    v.restarts = std::max(v.restarts, c.restart_count());
  for (auto& c : pod.status().init_container_statuses())
    if (c.restart_count() > v.sidecar_restarts && is_sidecar(pod, c.name()))
      v.sidecar_restarts = c.restart_count();
  auto cost = m.annotations().find(deletion_cost_annotation);
  if (cost != m.annotations().end()) v.deletion_cost = std::atoi(cost->second.c_str());
  v.entry = std::move(entry);
  return v;
}

std::shared_ptr<const k8s::core::v1::Pod> pod_view::whole() const {
  return gateway::decoded<k8s::core::v1::Pod>(*entry);
}

timestamp pod_view::available_at(int min_ready_seconds) const {
  return {ready_since.seconds + min_ready_seconds, ready_since.nanos};
}

bool pod_view::available(int min_ready_seconds, timestamp now) const {
  return ready && (min_ready_seconds == 0 || available_at(min_ready_seconds) <= now);
}

bool goes_before(const pod_view& a, int crowd_a, const pod_view& b, int crowd_b, timestamp now) {
  if (a.node.empty() != b.node.empty()) return a.node.empty();
  if (rank(a.phase) != rank(b.phase)) return rank(a.phase) < rank(b.phase);
  if (a.ready != b.ready) return !a.ready;
  if (a.deletion_cost != b.deletion_cost) return a.deletion_cost < b.deletion_cost;
  if (crowd_a != crowd_b) return crowd_a > crowd_b;
  if (a.ready && a.ready_since != b.ready_since) {
    auto x = magnitude(a.ready_since, now), y = magnitude(b.ready_since, now);
    return x != y ? x < y : a.uid < b.uid;
  }
  if (a.restarts != b.restarts) return a.restarts > b.restarts;
  if (a.sidecar_restarts != b.sidecar_restarts) return a.sidecar_restarts > b.sidecar_restarts;
  if (a.created != b.created) {
    auto x = magnitude(a.created, now), y = magnitude(b.created, now);
    if (x != y) return x < y;
  }
  return a.uid < b.uid;
}

} // namespace troupe::controllers
