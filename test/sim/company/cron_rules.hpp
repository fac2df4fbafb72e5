// Rules of cron jobs, held against every single transaction.
#pragma once

#include "messages/api/cron_job.pb.h"
#include "test/sim/company/scene.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

class cron_rules {
public:
  /// One transaction, which `there` shows already. Throws broken_rule.
  void hear(const std::vector<storage::event_ptr>& events, const scene& there, nanoseconds now);

private:
  struct cron_shape {
    std::string policy;
    wish suspended;
  };

  void cron_changed(const k8s::batch::v1::CronJob& is, nanoseconds now);
  void job_made(const std::string& key, const k8s::batch::v1::Job& job, const scene& there,
                nanoseconds now);

  std::map<std::string, cron_shape> crons_; ///< by uid
  std::set<std::string> runs_;              ///< every job that a cron job has ever made
};

} // namespace troupe::sim
