#include "actors/controllers/deployment_sizes.hpp"

#include "actors/controllers/deployment_plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace troupe::controllers {

using k8s::apps::v1::Deployment;
using k8s::apps::v1::ReplicaSet;

namespace {

bool older(const ReplicaSet* a, const ReplicaSet* b) {
  auto x = a->metadata().creation_timestamp().seconds();
  auto y = b->metadata().creation_timestamp().seconds();
  return x != y ? x < y : a->metadata().name() < b->metadata().name();
}

void resize(ReplicaSet& set, int replicas) { set.mutable_spec()->set_replicas(replicas); }

/// How much this set grows or shrinks when all of them follow the deployment's size.
int fraction_of(const ReplicaSet& set, const Deployment& d) {
  auto size = set.spec().replicas();
  if (d.spec().replicas() == 0) return -size;
  auto hit = set.metadata().annotations().find(max_replicas_annotation);
  int before = hit == set.metadata().annotations().end() ? 0 : std::atoi(hit->second.c_str());
  if (before <= 0) before = d.status().replicas();
  if (before <= 0) return 0;
  auto most = d.spec().replicas() + bounds_of(d).surge;
  return static_cast<int>(std::lround(static_cast<double>(size) * most / before)) - size;
}

} // namespace

int resolve(const k8s::base::IntOrString& v, int whole, bool round_up) {
  if (v.type() == 0) return v.int_val();
  auto hundredths = static_cast<int64_t>(whole) * std::atoi(v.str_val().c_str());
  return static_cast<int>(round_up ? (hundredths + 99) / 100 : hundredths / 100);
}

bool rolls(const Deployment& d) { return d.spec().strategy().type() != "Recreate"; }

rollout_bounds bounds_of(const Deployment& d) {
  if (!rolls(d)) return {};
  auto& rolling = d.spec().strategy().rolling_update();
  auto wanted = d.spec().replicas();
  rollout_bounds b{resolve(rolling.max_surge(), wanted, true),
                   resolve(rolling.max_unavailable(), wanted, false)};
  if (b.surge == 0 && b.unavailable == 0) b.unavailable = 1; // or nothing would ever move
  b.unavailable = std::min(b.unavailable, wanted);
  return b;
}

int wanted_replicas(const std::vector<ReplicaSet*>& sets) {
  int sum = 0;
  for (auto s : sets) sum += s->spec().replicas();
  return sum;
}

int available_replicas(const std::vector<ReplicaSet*>& sets) {
  int sum = 0;
  for (auto s : sets) sum += s->status().available_replicas();
  return sum;
}

int next_size(const Deployment& d, const ReplicaSet& newest, const std::vector<ReplicaSet*>& all) {
  auto wanted = d.spec().replicas();
  auto size = newest.spec().replicas();
  if (size >= wanted || !rolls(d)) return wanted;
  auto room = wanted + bounds_of(d).surge - wanted_replicas(all);
  return room <= 0 ? size : std::min(size + room, wanted);
}

void shrink_old(const Deployment& d, const ReplicaSet* newest, std::vector<ReplicaSet*> old) {
  std::sort(old.begin(), old.end(), older);
  auto least = d.spec().replicas() - bounds_of(d).unavailable;
  // Pods of the newest set that are not available yet do not make up for those that go.
  auto healthy =
      newest ? std::min(newest->spec().replicas(), newest->status().available_replicas()) : 0;
  auto room = wanted_replicas(old) + healthy - least;
  for (auto s : old) {
    if (room <= 0) return;
    auto sick = s->spec().replicas() - s->status().available_replicas();
    auto count = std::clamp(sick, 0, std::min(room, s->spec().replicas()));
    resize(*s, s->spec().replicas() - count);
    room -= count;
  }
  for (auto s : old) healthy += std::min(s->spec().replicas(), s->status().available_replicas());
  room = healthy - least;
  for (auto s : old) {
    if (room <= 0) return;
    auto count = std::min(room, s->spec().replicas());
    resize(*s, s->spec().replicas() - count);
    room -= count;
  }
}

void share_proportionally(const Deployment& d, std::vector<ReplicaSet*> active) {
  auto wanted = d.spec().replicas();
  auto allowed = wanted > 0 ? wanted + bounds_of(d).surge : 0;
  auto to_add = allowed - wanted_replicas(active);
  if (to_add == 0 || active.empty()) return;
  // The larger first; among equals, growth goes to the newer, shrinking to the older.
  std::sort(active.begin(), active.end(), [&](auto a, auto b) {
    if (a->spec().replicas() != b->spec().replicas())
      return a->spec().replicas() > b->spec().replicas();
    return to_add > 0 ? older(b, a) : older(a, b);
  });
  int added = 0;
  std::vector<int> sizes;
  for (auto s : active) {
    auto left = to_add - added;
    int part = 0;
    if (s->spec().replicas() != 0 && left != 0)
      part = to_add > 0 ? std::min(fraction_of(*s, d), left) : std::max(fraction_of(*s, d), left);
    sizes.push_back(s->spec().replicas() + part);
    added += part;
  }
  sizes[0] = std::max(sizes[0] + to_add - added, 0);
  for (size_t i = 0; i < active.size(); ++i) resize(*active[i], sizes[i]);
}

} // namespace troupe::controllers
