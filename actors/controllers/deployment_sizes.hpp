// The arithmetic of rollouts: how many pods may be there and must be available at every moment, and
// how a change of size is shared among replica sets. Pure.
#pragma once

#include "messages/api/base.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/replica_set.pb.h"

#include <vector>

namespace troupe::controllers {

/// A count, or a percentage of `whole`.
int resolve(const k8s::base::IntOrString& v, int whole, bool round_up);

/// How far a rollout may go beyond and below the wanted number of pods. Not both are zero.
struct rollout_bounds {
  int surge = 0;
  int unavailable = 0;
};
rollout_bounds bounds_of(const k8s::apps::v1::Deployment& d);
bool rolls(const k8s::apps::v1::Deployment& d);

/// What sets of pods want, and what they have.
int wanted_replicas(const std::vector<k8s::apps::v1::ReplicaSet*>& sets);
int available_replicas(const std::vector<k8s::apps::v1::ReplicaSet*>& sets);

/// The size that the newest set may have now, when all sets together are `all`.
int next_size(const k8s::apps::v1::Deployment& d, const k8s::apps::v1::ReplicaSet& newest,
              const std::vector<k8s::apps::v1::ReplicaSet*>& all);

/// Makes old sets smaller as far as enough pods stay available: those that do not get healthy
/// first, then the oldest.
void shrink_old(const k8s::apps::v1::Deployment& d, const k8s::apps::v1::ReplicaSet* newest,
                std::vector<k8s::apps::v1::ReplicaSet*> old);

/// Shares a change of the deployment's size among its active sets in proportion to theirs.
void share_proportionally(const k8s::apps::v1::Deployment& d,
                          std::vector<k8s::apps::v1::ReplicaSet*> active);

} // namespace troupe::controllers
