// Rules of claims and their volumes, held against every single transaction: one volume for one
// claim, pods where their volumes are, and nobody's data lost or left behind.
#pragma once

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "test/sim/company/scene.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

class volume_rules {
public:
  /// One transaction, which `there` shows already. Throws broken_rule.
  void hear(const std::vector<storage::event_ptr>& events, const scene& there, nanoseconds now);
  /// The user lets the claim go, with its data.
  void give_up(const std::string& claim_key) { given_up_.insert(claim_key); }
  /// The end: what can be bound is bound, and what nobody wants is gone.
  void check_settled(const scene& there) const;

private:
  using Volume = k8s::core::v1::PersistentVolume;
  using Claim = k8s::core::v1::PersistentVolumeClaim;

  void volume_changed(const std::string& key, const Volume& is);
  void volume_gone(const std::string& key);
  void claim_changed(const std::string& key, const Claim& is, const scene& there, nanoseconds now);
  void claim_goes(const std::string& key, const scene& there, nanoseconds now) const;
  void check_bound(const std::string& key, const Claim& claim) const;
  void pod_placed(const pod_shape& pod) const;
  void check_volume_settled(const std::string& key, const Volume& v) const;

  std::map<std::string, Volume> volumes_;
  std::map<std::string, Claim> claims_;
  std::set<std::string> placed_; ///< uids of pods that have been given a node
  std::set<std::string> given_up_;
  std::map<std::string, std::string> used_by_; ///< claims that a pod of this set has had
};

} // namespace troupe::sim
