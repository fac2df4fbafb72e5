// Decides how a job gets its work done: which pods it needs, which ended ones are counted, and when
// it is complete or has failed. A pod is counted and let go in one transaction, so that none is
// counted twice. Pure: no actors, clock or I/O.
#pragma once

#include "actors/controllers/job_pod.hpp"

#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

struct job_view {
  const k8s::batch::v1::Job& job;
  std::vector<const job_pod*> pods; ///< all that it controls
  timestamp now;
  job_past past = {};
};

struct create_worker {
  int index = -1; ///< -1 for jobs without indexes
  index_failure_counts index_failures = {};
  bool operator==(const create_worker&) const = default;
};
struct delete_worker {
  const job_pod* pod = nullptr;
};
/// Lets a pod go that has been counted, or does not count.
struct untrack_worker {
  const job_pod* pod = nullptr;
};
struct set_job_status {
  k8s::batch::v1::JobStatus status;
};
struct tell_job {
  const char* type = "Normal";
  std::string reason, message;
};
struct await_job {
  timestamp at;
};

using job_action =
    std::variant<untrack_worker, delete_worker, create_worker, set_job_status, tell_job, await_job>;

/// Pods that one round creates, deletes or counts at most.
constexpr int workers_per_round_max = 500;

/// What comes next. Planning again on the outcome returns nothing but waiting.
std::vector<job_action> plan(const job_view& observed);

/// "Complete" or "Failed" once it is over, else empty.
std::string_view finished_as(const k8s::batch::v1::Job& job);
/// When it was over.
timestamp finish_time(const k8s::batch::v1::Job& job);

} // namespace troupe::controllers
