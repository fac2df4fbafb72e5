// Rules of kinds that do not concern the bounds of workloads: cron jobs, claims and their volumes,
// preemption. Held against every single transaction, as the others are.
#pragma once

#include "messages/api/claim.pb.h"
#include "messages/api/cron_job.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "storage/event.hpp"
#include "test/sim/company/scene.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

class kinds_rules {
public:
  /// One transaction, which `there` shows already. Throws broken_rule.
  void hear(const std::vector<storage::event_ptr>& events, const scene& there, nanoseconds now);
  /// The end: what can be bound is bound.
  void check_settled() const;

private:
  struct cron_shape {
    std::string policy;
    wish suspended;
    int succeeded_kept = 3;
  };
  using Job = k8s::batch::v1::Job;
  using Volume = k8s::core::v1::PersistentVolume;
  using Claim = k8s::core::v1::PersistentVolumeClaim;

  void cron_changed(const k8s::batch::v1::CronJob& is, nanoseconds now);
  void job_made(const std::string& key, const Job& job, const scene& there, nanoseconds now);
  void volume_changed(const std::string& key, const Volume& is);
  void claim_changed(const std::string& key, const Claim& is);
  void check_bound(const std::string& key, const Claim& claim) const;
  void pod_changed(const pod_shape& is, nanoseconds now);

  std::map<std::string, cron_shape> crons_; ///< by uid
  std::set<std::string> runs_;              ///< every job that a cron job has ever made
  std::map<std::string, Volume> volumes_;
  std::map<std::string, Claim> claims_;
  std::set<std::string> preempted_; ///< uids
  /// When a pod of this priority that may send others away last waited for a node.
  std::map<int, nanoseconds> waiting_;
};

} // namespace troupe::sim
