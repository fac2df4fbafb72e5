// A pod as its job sees it: which index it works on, whether it has been counted, how it ended.
// Pure.
#pragma once

#include "actors/controllers/pod_view.hpp"
#include "messages/api/job.pb.h"
#include "messages/api/pod.pb.h"

#include <optional>

namespace troupe::controllers {

inline constexpr const char* tracking_finalizer = "batch.kubernetes.io/job-tracking";
inline constexpr const char* index_annotation = "batch.kubernetes.io/job-completion-index";
inline constexpr const char* index_failures_annotation =
    "batch.kubernetes.io/job-index-failure-count";

struct job_pod : pod_view {
  bool tracked = false; ///< not counted in the job's status yet
  std::optional<int> index;
  int index_failures = 0; ///< of its index, before this pod
  int all_restarts = 0;   ///< of all its containers
  timestamp finished_at;  ///< if it is over

  static job_pod of(storage::entry_ptr entry);
};

/// What a job's failure policy makes of a failed pod.
enum class failure_verdict : uint8_t { count, ignore, fail_index, fail_job };
failure_verdict judge(const k8s::batch::v1::PodFailurePolicy& policy, const k8s::core::v1::Pod& pod,
                      std::string* why);

/// A pod of an indexed job learns its index.
void give_index(k8s::core::v1::Pod& pod, const std::string& job, int index, int failures,
                bool counts_failures);

} // namespace troupe::controllers
