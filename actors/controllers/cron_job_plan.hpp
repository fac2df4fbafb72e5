// Decides when a cron job starts a job, which running ones give way, and which ended ones are kept.
// Pure: no actors, clock or I/O.
#pragma once

#include "actors/controllers/time_zone.hpp"
#include "messages/api/cron_job.pb.h"
#include "messages/base/cron.hpp"
#include "messages/base/time.hpp"

#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

/// Times at which a job is due.
class schedule {
public:
  schedule(cron times, time_zone zone) : times_{std::move(times)}, zone_{std::move(zone)} {}
  /// The first one after `at`; nothing if there is none.
  std::optional<std::chrono::sys_seconds> next(std::chrono::sys_seconds at) const;
  /// The last one after `from` and not after `until`.
  std::optional<std::chrono::sys_seconds> last(std::chrono::sys_seconds from,
                                               std::chrono::sys_seconds until) const;
  /// The moment as clocks of its zone show it: "2006-01-02T15:04:05+01:00".
  std::string shown(std::chrono::sys_seconds at) const;

private:
  cron times_;
  time_zone zone_;
};

struct cron_job_view {
  const k8s::batch::v1::CronJob& cron_job;
  std::vector<const k8s::batch::v1::Job*> jobs; ///< all that it controls
  const schedule* due = nullptr;                ///< null if it cannot be understood
  timestamp now;
};

struct create_job {
  k8s::batch::v1::Job job;
};
struct delete_job {
  std::string name;
  const char* reason = "SuccessfulDelete";
};
/// The status: which jobs run, when one was last started, when one last succeeded. A job that the
/// round creates is added to those that run.
struct set_cron_status {
  k8s::batch::v1::CronJobStatus status;
};
struct tell_cron {
  const char* type = "Normal";
  const char* reason = "";
  std::string message;
};
struct await_due {
  timestamp at;
};

using cron_job_action = std::variant<delete_job, create_job, set_cron_status, tell_cron, await_due>;

/// What is due. Planning again on the outcome returns nothing but waiting.
std::vector<cron_job_action> plan(const cron_job_view& observed);

} // namespace troupe::controllers
