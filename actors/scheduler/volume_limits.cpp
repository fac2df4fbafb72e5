#include "actors/scheduler/volume_limits.hpp"

#include "messages/api/storage_class.pb.h"

namespace troupe::scheduler {

void volume_limits::hear_node(const storage::entry_ptr& entry, bool gone) {
  ++version_;
  std::string name(name_of(*entry));
  limits_.erase(name);
  if (gone) return;
  k8s::storage::v1::CSINode node;
  node.ParsePartialFromArray(entry->value().data(), static_cast<int>(entry->value().size()));
  for (auto& d : node.spec().drivers())
    if (d.allocatable().has_count()) limits_[name][d.name()] = d.allocatable().count();
}

bool volume_limits::exceeded_by(const std::vector<driven_claim>& wanted, node_index n) const {
  if (wanted.empty() || limits_.empty()) return false;
  auto of_node = limits_.find(table_.name(n));
  if (of_node == limits_.end()) return false;
  auto here = attached_.find(n);
  for (auto& [driver, limit] : of_node->second) {
    std::set<std::string_view> claims; // those that are wanted first: if none is, the rest may be
    for (auto& w : wanted)
      if (w.driver == driver && (here == attached_.end() || !here->second.contains(w.claim)))
        claims.insert(w.claim);
    if (claims.empty()) continue;
    auto count = claims.size();
    if (here != attached_.end())
      for (auto& [_, a] : here->second) count += a.driver == driver;
    if (count > static_cast<size_t>(std::max(limit, 0))) return true;
  }
  return false;
}

void volume_limits::pod_put(const pod_facts& pod, node_index where) {
  for (auto& c : volumes_.driven_claims_of(pod)) {
    auto& a = attached_[where][c.claim];
    if (a.users++ == 0) a.driver = std::move(c.driver);
  }
}

void volume_limits::pod_taken(const pod_facts& pod, node_index where) {
  auto here = attached_.find(where);
  if (here == attached_.end()) return;
  for (auto& name : pod.claims) {
    auto hit = here->second.find(claim_key(pod, name));
    if (hit != here->second.end() && --hit->second.users == 0) here->second.erase(hit);
  }
  if (here->second.empty()) attached_.erase(here);
}

} // namespace troupe::scheduler
