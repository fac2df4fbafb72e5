#include "actors/controllers/cron_job_plan.hpp"

#include "actors/controllers/job_plan.hpp"
#include "messages/base/span.hpp"
#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <set>

namespace troupe::controllers {

using k8s::batch::v1::CronJob;
using k8s::batch::v1::CronJobStatus;
using k8s::batch::v1::Job;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

constexpr int missed_told = 100;
constexpr int changes_max = 1000; // of clocks, until a time comes
constexpr const char* time_annotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

sys_seconds moment(int64_t s) { return sys_seconds{seconds{s}}; }
int64_t count(sys_seconds at) { return at.time_since_epoch().count(); }

/// "Mon, 02 Jan 2006 15:04:05 +0000".
std::string mail_time(sys_seconds at) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto day = std::chrono::floor<std::chrono::days>(at);
  std::chrono::year_month_day date{day};
  auto text = format_time(count(at)); // "2006-01-02T15:04:05Z"
  return std::string(days[std::chrono::weekday{day}.c_encoding()]) + ", " + text.substr(8, 2) +
         " " + months[static_cast<unsigned>(date.month()) - 1] + " " + text.substr(0, 4) + " " +
         text.substr(11, 8) + " +0000";
}

class turn {
public:
  explicit turn(const cron_job_view& v)
      : v{v}, cj{v.cron_job}, spec{cj.spec()}, status{cj.status()}, now{moment(v.now.seconds)} {}

  std::vector<cron_job_action> run() {
    note_ends();
    tidy("Complete", spec.successful_jobs_history_limit());
    tidy("Failed", spec.failed_jobs_history_limit());
    if (!cj.metadata().has_deletion_timestamp() && !spec.suspend() && v.due) start_due();
    if (codec::to_wire(status) != codec::to_wire(cj.status())) then(set_cron_status{status});
    return std::move(actions);
  }

private:
  template<class Action> void then(Action a) {
    actions.emplace_back(std::in_place_type<Action>, std::move(a));
  }

  const Job* by_uid(const std::string& uid) const {
    for (auto j : v.jobs)
      if (j->metadata().uid() == uid) return j;
    return nullptr;
  }

  /// Those that have ended or are gone do not run any more.
  void note_ends() {
    auto& active = *status.mutable_active();
    for (int i = active.size() - 1; i >= 0; --i) {
      auto job = by_uid(active[i].uid());
      if (job && finished_as(*job).empty()) {
        note_version(active[i], *job);
        continue;
      }
      if (job) {
        auto how = std::string(finished_as(*job));
        then(tell_cron{"Normal", "SawCompletedJob",
                       "Saw completed job: " + job->metadata().name() + ", condition: " + how});
      } else {
        then(tell_cron{"Normal", "MissingJob", "Active job went missing: " + active[i].name()});
      }
      active.DeleteSubrange(i, 1);
    }
    for (auto j : v.jobs) {
      bool known = std::any_of(active.begin(), active.end(),
                               [&](auto& ref) { return ref.uid() == j->metadata().uid(); });
      if (known || !finished_as(*j).empty() || j->metadata().has_deletion_timestamp()) continue;
      then(tell_cron{"Warning", "UnexpectedJob",
                     "Saw a job that the controller did not create or forgot: " +
                         j->metadata().name()});
    }
    for (auto j : v.jobs) {
      if (finished_as(*j) != "Complete") continue;
      auto at = j->status().completion_time().seconds();
      if (at > status.last_successful_time().seconds())
        status.mutable_last_successful_time()->set_seconds(at);
    }
  }

  /// A job and the reference to it were written together: its version was not known before.
  static void note_version(k8s::core::v1::ObjectReference& to, const Job& job) {
    if (to.resource_version().empty() && !job.metadata().resource_version().empty())
      to.set_resource_version(job.metadata().resource_version());
  }

  /// The oldest of those that ended this way go, beyond the limit.
  void tidy(std::string_view how, int limit) {
    std::vector<const Job*> ended;
    for (auto j : v.jobs)
      if (finished_as(*j) == how && !j->metadata().has_deletion_timestamp()) ended.push_back(j);
    auto start = [](auto j) {
      return j->status().has_start_time() ? j->status().start_time().seconds()
                                          : j->metadata().creation_timestamp().seconds();
    };
    std::sort(ended.begin(), ended.end(), [&](auto a, auto b) {
      return start(a) != start(b) ? start(a) < start(b)
                                  : a->metadata().name() < b->metadata().name();
    });
    for (int i = 0; i + limit < static_cast<int>(ended.size()); ++i)
      then(delete_job{ended[static_cast<size_t>(i)]->metadata().name()});
  }

  /// From when on times count that were not kept.
  sys_seconds since() const {
    auto from =
        moment(cj.status().has_last_schedule_time() ? cj.status().last_schedule_time().seconds()
                                                    : cj.metadata().creation_timestamp().seconds());
    if (spec.has_starting_deadline_seconds())
      from = std::max(from, now - span_of(spec.starting_deadline_seconds()) - seconds{1});
    return from;
  }

  void start_due() {
    if (auto next = v.due->next(now)) then(await_due{{count(*next), 0}});
    auto from = since();
    auto due = v.due->last(from, now);
    if (!due) return;
    warn_of_missed(from);
    auto name = cj.metadata().name() + "-" + std::to_string(count(*due) / 60);
    for (auto j : v.jobs)
      if (j->metadata().name() == name) return note_started(*due);
    if (status.has_last_schedule_time() && status.last_schedule_time().seconds() == count(*due))
      return;
    if (spec.has_starting_deadline_seconds() &&
        *due + span_of(spec.starting_deadline_seconds()) < now)
      return then(tell_cron{"Warning", "MissSchedule",
                            "Missed scheduled time to start a job: " + mail_time(*due)});
    if (spec.concurrency_policy() == "Forbid" && !status.active().empty())
      return then(tell_cron{"Normal", "JobAlreadyActive",
                            "Not starting job because prior execution is running and "
                            "concurrency policy is Forbid"});
    if (spec.concurrency_policy() == "Replace") {
      for (auto& ref : status.active()) then(delete_job{ref.name()});
      status.clear_active();
    }
    then(create_job{job_at(*due, name)});
    note_started(*due);
  }

  void note_started(sys_seconds due) {
    status.mutable_last_schedule_time()->set_seconds(count(due));
  }

  void warn_of_missed(sys_seconds from) {
    int missed = 0;
    for (auto at = v.due->next(from); at && *at <= now && missed <= missed_told;
         at = v.due->next(*at))
      ++missed;
    if (missed > missed_told)
      then(tell_cron{"Warning", "TooManyMissedTimes",
                     "too many missed start times. Set or decrease "
                     ".spec.startingDeadlineSeconds or check clock skew"});
  }

  Job job_at(sys_seconds due, const std::string& name) const {
    Job job;
    auto& wanted = spec.job_template();
    auto& m = *job.mutable_metadata();
    m.set_name(name);
    m.set_namespace_(cj.metadata().namespace_());
    *m.mutable_labels() = wanted.metadata().labels();
    *m.mutable_annotations() = wanted.metadata().annotations();
    (*m.mutable_annotations())[time_annotation] = v.due->shown(due);
    *job.mutable_spec() = wanted.spec();
    return job;
  }

  const cron_job_view& v;
  const CronJob& cj;
  const k8s::batch::v1::CronJobSpec& spec;
  CronJobStatus status;
  sys_seconds now;
  std::vector<cron_job_action> actions;
};

} // namespace

std::optional<sys_seconds> schedule::next(sys_seconds at) const {
  if (auto period = times_.period()) return at + *period;
  auto local = zone_.to_local(at);
  auto change = zone_.next_change(at);
  for (int i = 0; i < changes_max; ++i) {
    auto shown = times_.next(local);
    if (!shown) return {};
    auto found = at + (*shown - local);
    if (!change || found < *change) return found;
    // Clocks are changed before: a time that they skip never comes, one that they show again comes
    // again.
    at = *change - seconds{1};
    local = zone_.to_local(*change) - seconds{1};
    change = zone_.next_change(*change);
  }
  return {};
}

std::optional<sys_seconds> schedule::last(sys_seconds from, sys_seconds until) const {
  if (auto period = times_.period()) { // counted from the last one, wherever that is
    auto steps = (until - from) / *period;
    return steps > 0 ? std::optional(from + steps * *period) : std::nullopt;
  }
  // Looking back further and further keeps the steps few, however long nobody has looked.
  for (auto back : {seconds{3600}, seconds{86400}, seconds{32 * 86400}, seconds{400 * 86400}}) {
    auto start = std::max(from, until - back);
    std::optional<sys_seconds> found;
    for (auto at = next(start); at && *at <= until; at = next(*at)) found = at;
    if (found || start == from) return found;
  }
  auto found = next(from);
  return found && *found <= until ? found : std::nullopt;
}

std::string schedule::shown(sys_seconds at) const {
  auto local = zone_.to_local(at).time_since_epoch();
  auto text = format_time(local.count());
  auto ahead = (local - at.time_since_epoch()).count() / 60; // minutes
  if (ahead == 0) return text;
  text.back() = ahead < 0 ? '-' : '+';
  auto two = [](int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return text + two(std::abs(ahead) / 60) + ":" + two(std::abs(ahead) % 60);
}

std::vector<cron_job_action> plan(const cron_job_view& observed) { return turn{observed}.run(); }

} // namespace troupe::controllers
