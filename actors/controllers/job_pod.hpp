// A pod as its job sees it: which index it works on, whether it has been counted, how it ended.
// Pure.
#pragma once

#include "actors/controllers/pod_view.hpp"
#include "messages/api/job.pb.h"
#include "messages/api/pod.pb.h"

#include <map>
#include <optional>

namespace troupe::controllers {

inline constexpr const char* tracking_finalizer = "batch.kubernetes.io/job-tracking";
inline constexpr const char* index_annotation = "batch.kubernetes.io/job-completion-index";
inline constexpr const char* index_failures_annotation =
    "batch.kubernetes.io/job-index-failure-count";
inline constexpr const char* index_ignored_annotation =
    "batch.kubernetes.io/job-index-ignored-failure-count";

/// How often pods of an index have failed: as the limit counts, and as the failure policy ignores.
struct index_failure_counts {
  int counted = 0;
  int ignored = 0;
  bool operator==(const index_failure_counts&) const = default;
};

struct job_pod : pod_view {
  bool tracked = false; ///< not counted in the job's status yet
  std::optional<int> index;
  index_failure_counts index_failures; ///< of its index, before this pod
  int all_restarts = 0;                ///< of all its containers
  timestamp finished_at;               ///< if it is over

  static job_pod of(storage::entry_ptr entry);
  /// It did not do its work: it failed, or was told to go before it had ended.
  bool lost() const { return phase == pod_phase::failed || (going && !finished()); }
};

/// How pods ended that their job has let go, whether they are still there or not: after failures
/// the next try waits.
struct job_past {
  std::map<std::string, timestamp> failures; ///< by the pod's uid; the last ones
  timestamp success;                         ///< the last one

  void note(const job_pod& ended);
};

/// What a job's failure policy makes of a failed pod.
enum class failure_verdict : uint8_t { count, ignore, fail_index, fail_job };
failure_verdict judge(const k8s::batch::v1::PodFailurePolicy& policy, const k8s::core::v1::Pod& pod,
                      std::string* why);

/// A pod of an indexed job learns its index, and how often others of it have failed if that counts.
void give_index(k8s::core::v1::Pod& pod, const std::string& job, int index,
                const index_failure_counts* failures);

} // namespace troupe::controllers
