#include "actors/controllers/job_plan.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/job_indexes.hpp"
#include "messages/base/span.hpp"
#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace troupe::controllers {

using k8s::batch::v1::Job;
using k8s::batch::v1::JobStatus;

namespace {

constexpr int64_t delay_min_seconds = 10; // after the first failure, then twice that, ...
constexpr int64_t delay_max_seconds = 600;
constexpr int doublings_max = 6;
constexpr const char* own_manager = "kubernetes.io/job-controller";

template<class Conditions> const auto* holding(const Conditions& all, const char* type) {
  auto c = find_condition(all, type);
  return c && c->status() == "True" ? c : nullptr;
}

class work {
public:
  explicit work(const job_view& v)
      : v{v}, job{v.job}, spec{v.job.spec()}, status{v.job.status()},
        indexed{spec.completion_mode() == "Indexed"}, end{indexed ? spec.completions() : 0},
        completed{index_set::parse(status.completed_indexes(), end)}, failed{index_set::parse(
                                                                          status.failed_indexes(),
                                                                          end)} {}

  std::vector<job_action> run() {
    if (!spec.managed_by().empty() && spec.managed_by() != own_manager) return {};
    if (!finished_as(job).empty() || job.metadata().has_deletion_timestamp()) {
      for (auto p : v.pods)
        if (p->tracked) untrack(p);
      return std::move(actions);
    }
    note_suspension();
    count();
    decide();
    finish();
    return std::move(actions);
  }

private:
  bool suspended() const { return spec.suspend(); }
  /// Pods on their way out are replaced only when they have ended.
  bool waits_for_ending() const { return spec.pod_replacement_policy() == "Failed"; }
  bool counts_by_index() const { return indexed && spec.has_backoff_limit_per_index(); }

  template<class Action> void then(Action a) {
    actions.emplace_back(std::in_place_type<Action>, std::move(a));
  }

  void untrack(const job_pod* p) {
    if (++writes <= workers_per_round_max) then(untrack_worker{p});
  }

  void note_suspension() {
    auto told = holding(status.conditions(), "Suspended") != nullptr;
    auto& conditions = *status.mutable_conditions();
    if (suspended()) {
      if (!told) {
        put(conditions, "Suspended", "True", "JobSuspended", "Job suspended");
        status.clear_start_time(); // who resumes it may change first what it runs, and where
        then(tell_job{"Normal", "Suspended", "Job suspended"});
      }
      return;
    }
    if (told) {
      put(conditions, "Suspended", "False", "JobResumed", "Job resumed");
      then(tell_job{"Normal", "Resumed", "Job resumed"});
      status.clear_start_time();
    }
    if (!status.has_start_time()) status.mutable_start_time()->set_seconds(v.now.seconds);
  }

  template<class Conditions>
  void put(Conditions& all, const char* type, const char* value, const std::string& reason,
           const std::string& message) {
    set_condition(all, type, std::string_view(value) == "True", reason, message, v.now);
    find_condition(all, type)->mutable_last_probe_time()->set_seconds(v.now.seconds);
  }

  /// Sorts the pods; those that ended since the last time are counted and let go.
  void count() {
    std::vector<const job_pod*> ended;
    for (auto p : v.pods) {
      if (p->going && !p->finished()) ++ending;
      bool over = p->finished() || (p->going && !waits_for_ending());
      if (over && p->tracked)
        ended.push_back(p);
      else if (!over && !p->going)
        active.push_back(p);
    }
    for (auto p : ended)
      if (p->phase == pod_phase::succeeded && release(p)) count_success(*p);
    std::erase_if(ended, [](auto p) { return p->phase == pod_phase::succeeded; });
    if (counts_by_index()) hold(ended);
    for (auto p : ended)
      if (release(p) && !holding(status.conditions(), "SuccessCriteriaMet")) count_failure(*p);
    if (indexed) status.set_succeeded(completed.size());
  }

  /// False if the round has done enough.
  bool release(const job_pod* p) {
    if (writes >= workers_per_round_max) {
      some_wait = true;
      return false;
    }
    untrack(p);
    return true;
  }

  /// The last failed pod of each index that is still to be done stays until its successor is there:
  /// it knows how often the index has failed. It counts when it is let go.
  void hold(std::vector<const job_pod*>& ended) {
    std::set<int> busy;
    for (auto p : active)
      if (p->index) busy.insert(*p->index);
    for (auto p : ended)
      if (p->index && *p->index < end && gives_index_up(*p)) failed.add(*p->index);
    for (auto p : ended) {
      if (!p->index || *p->index >= end || busy.contains(*p->index)) continue;
      if (completed.contains(*p->index) || failed.contains(*p->index)) continue;
      auto& last = held[*p->index];
      if (!last || later_failure(*p, *last)) last = p;
    }
    std::erase_if(ended, [&](auto p) { return is_held(p); });
    for (auto& [index, p] : held) {
      std::string why;
      auto verdict = verdict_on(*p, &why);
      if (verdict == failure_verdict::fail_job) fail("PodFailurePolicy", why);
      held_failures += verdict != failure_verdict::ignore;
    }
  }

  bool is_held(const job_pod* p) const {
    auto hit = p->index ? held.find(*p->index) : held.end();
    return hit != held.end() && hit->second == p;
  }

  static int failures_up_to(const job_pod& p) {
    return p.index_failures.counted + p.index_failures.ignored + 1;
  }

  static bool later_failure(const job_pod& a, const job_pod& b) {
    return failures_up_to(a) >= failures_up_to(b) && a.finished_at >= b.finished_at;
  }

  bool gives_index_up(const job_pod& p) const {
    std::string why;
    auto verdict = verdict_on(p, &why);
    if (verdict == failure_verdict::fail_index) return true;
    return verdict != failure_verdict::ignore &&
           p.index_failures.counted >= spec.backoff_limit_per_index();
  }

  void count_success(const job_pod& p) {
    if (!indexed)
      status.set_succeeded(status.succeeded() + 1);
    else if (p.index && *p.index < end)
      completed.add(*p.index);
  }

  failure_verdict verdict_on(const job_pod& p, std::string* why) const {
    if (!spec.has_pod_failure_policy() || p.phase != pod_phase::failed)
      return failure_verdict::count;
    return judge(spec.pod_failure_policy(), *p.whole(), why);
  }

  void count_failure(const job_pod& p) {
    if (indexed && (!p.index || *p.index >= end)) return; // nobody's: the job has become smaller
    std::string why;
    auto verdict = verdict_on(p, &why);
    if (verdict == failure_verdict::ignore) return;
    status.set_failed(status.failed() + 1);
    if (verdict == failure_verdict::fail_job) fail("PodFailurePolicy", why);
  }

  void fail(const std::string& reason, const std::string& message) {
    if (failure_reason.empty()) failure_reason = reason, failure_message = message;
  }

  void decide() {
    if (auto target = holding(status.conditions(), "FailureTarget")) {
      failure_reason = target->reason();
      failure_message = target->message();
    }
    if (auto met = holding(status.conditions(), "SuccessCriteriaMet")) {
      success_reason = met->reason();
      success_message = met->message();
    }
    if (success_reason.empty() && failure_reason.empty()) {
      judge_limits();
      if (failure_reason.empty()) judge_success();
    }
    if (!failure_reason.empty() || !success_reason.empty()) return wind_up();
    if (suspended()) return give_up(active.size());
    man();
  }

  void judge_limits() {
    if (status.failed() + held_failures > spec.backoff_limit() || restarted_too_often())
      fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    if (spec.has_active_deadline_seconds() && status.has_start_time() && !suspended()) {
      timestamp deadline{
          status.start_time().seconds() + span_of(spec.active_deadline_seconds()).count(), 0};
      if (deadline <= v.now)
        fail("DeadlineExceeded", "Job was active longer than specified deadline");
      else
        await(deadline);
    }
    if (spec.has_max_failed_indexes() && failed.size() > spec.max_failed_indexes())
      fail("MaxFailedIndexesExceeded",
           "Job has exceeded the specified maximal number of failed indexes");
    if (counts_by_index() && !failed.empty() && completed.size() + failed.size() >= end)
      fail("FailedIndexes", "Job has failed indexes");
  }

  bool restarted_too_often() const {
    if (spec.template_().spec().restart_policy() != "OnFailure") return false;
    int restarts = 0;
    for (auto p : v.pods)
      if (p->phase == pod_phase::running || p->phase == pod_phase::pending)
        restarts += p->all_restarts;
    return spec.backoff_limit() == 0 ? restarts > 0 : restarts >= spec.backoff_limit();
  }

  void judge_success() {
    auto& rules = spec.success_policy().rules();
    for (int i = 0; i < rules.size(); ++i)
      if (satisfied(rules[i])) {
        success_reason = "SuccessPolicy";
        success_message = "Matched rules at index " + std::to_string(i);
        return;
      }
    bool all = !spec.has_completions() ? status.succeeded() > 0 && active.empty() && ending == 0
               : indexed               ? completed.size() >= end
                                       : status.succeeded() >= spec.completions();
    if (!all) return;
    success_reason = "CompletionsReached";
    success_message = "Reached expected number of succeeded pods";
  }

  bool satisfied(const k8s::batch::v1::SuccessPolicyRule& rule) const {
    if (!rule.has_succeeded_indexes()) return completed.size() >= rule.succeeded_count();
    auto wanted = index_set::parse(rule.succeeded_indexes(), end);
    int hits = 0;
    for (int i = 0; i < end; ++i) hits += wanted.contains(i) && completed.contains(i);
    return hits >= (rule.has_succeeded_count() ? rule.succeeded_count() : wanted.size());
  }

  /// It is decided. The last pods end, then it is over.
  void wind_up() {
    auto& conditions = *status.mutable_conditions();
    bool good = failure_reason.empty();
    auto& reason = good ? success_reason : failure_reason;
    auto& message = good ? success_message : failure_message;
    if (!holding(conditions, good ? "SuccessCriteriaMet" : "FailureTarget"))
      put(conditions, good ? "SuccessCriteriaMet" : "FailureTarget", "True", reason, message);
    for (auto& [index, p] : held)
      if (release(p)) count_failure(*p);
    for (auto p : active)
      if (++writes <= workers_per_round_max) then(delete_worker{p});
    bool uncounted = some_wait || writes > workers_per_round_max ||
                     std::any_of(v.pods.begin(), v.pods.end(),
                                 [&](auto p) { return p->tracked && !p->finished() && !p->going; });
    if (uncounted || !active.empty() || ending > 0) return;
    put(conditions, good ? "Complete" : "Failed", "True", reason, message);
    if (good) status.mutable_completion_time()->set_seconds(v.now.seconds);
    if (good && spec.has_completions() && status.succeeded() > spec.completions())
      then(tell_job{"Warning", "TooManySucceededPods",
                    "Too many succeeded pods running after completion count reached"});
    good ? then(tell_job{"Normal", "Completed", "Job completed"})
         : then(tell_job{"Warning", reason, message});
  }

  /// Takes pods back: first they stop counting, then they are deleted.
  void give_up(size_t count) {
    std::sort(active.begin(), active.end(), [&](auto a, auto b) {
      if (a->tracked != b->tracked) return !a->tracked; // those given up already
      return goes_before(*a, 0, *b, 0, v.now);
    });
    for (size_t i = 0; i < count && writes < workers_per_round_max; ++i) {
      ++writes;
      if (active[i]->tracked)
        then(untrack_worker{active[i]});
      else
        then(delete_worker{active[i]});
    }
  }

  void man() {
    give_up_strays();
    auto running = static_cast<int>(active.size());
    int wanted = spec.parallelism();
    if (spec.has_completions()) {
      auto done = indexed ? completed.size() + failed.size() : status.succeeded();
      wanted = std::min(wanted, spec.completions() - done);
    } else if (status.succeeded() > 0) {
      wanted = std::min(wanted, running); // one success is enough; nothing new is started
    }
    wanted = std::max(wanted, 0);
    if (running > wanted) return give_up(static_cast<size_t>(running - wanted));
    auto missing = wanted - running - (waits_for_ending() ? ending : 0);
    missing = std::min(missing, workers_per_round_max - writes);
    if (missing <= 0) return;
    if (!counts_by_index() && !rested()) return;
    indexed ? start_indexes(missing) : start(missing);
  }

  /// Two pods for one index, or one beyond the last: the later one goes.
  void give_up_strays() {
    if (!indexed) return;
    std::map<int, const job_pod*> seen;
    std::vector<const job_pod*> kept, strays;
    std::sort(active.begin(), active.end(), [](auto a, auto b) {
      return a->created != b->created ? a->created < b->created : a->name < b->name;
    });
    for (auto p : active)
      (p->index && *p->index < end && seen.emplace(*p->index, p).second ? kept : strays)
          .push_back(p);
    active = strays;
    give_up(strays.size());
    active = kept;
  }

  void start(int count) {
    for (int i = 0; i < count; ++i) then(create_worker{});
    started = count;
  }

  void start_indexes(int count) {
    std::set<int> busy;
    for (auto p : v.pods)
      if (p->index && !p->finished() && (!p->going || waits_for_ending())) busy.insert(*p->index);
    for (int i = 0; i < end && count > 0; ++i) {
      if (busy.contains(i) || completed.contains(i) || failed.contains(i)) continue;
      index_failure_counts failures;
      if (auto hit = held.find(i); hit != held.end()) {
        auto& last = *hit->second;
        if (!rested_from(failures_up_to(last), last.finished_at)) continue;
        failures = counted_with(last);
      }
      then(create_worker{i, failures});
      ++started;
      --count;
    }
  }

  /// What the pod that succeeds this one knows of all that failed before it.
  index_failure_counts counted_with(const job_pod& p) const {
    std::string why;
    auto known = p.index_failures;
    ++(verdict_on(p, &why) == failure_verdict::ignore ? known.ignored : known.counted);
    return known;
  }

  /// After failures in a row the next try waits, twice as long each time.
  bool rested() {
    auto past = v.past;
    for (auto p : v.pods) // what was taken back by the job itself is no failure
      if (p->finished() ? p->tracked || !p->going : p->tracked && p->going && !waits_for_ending())
        past.note(*p);
    timestamp last;
    for (auto& [uid, at] : past.failures) last = std::max(last, at);
    return rested_from(static_cast<int>(past.failures.size()), last);
  }

  bool rested_from(int failures, timestamp last) {
    if (failures == 0) return true;
    auto delay =
        std::min(delay_min_seconds << std::min(failures - 1, doublings_max), delay_max_seconds);
    timestamp due{last.seconds + delay, last.nanos};
    if (due <= v.now) return true;
    await(due);
    return false;
  }

  void await(timestamp at) { then(await_job{at}); }

  void finish() {
    int leaving = 0, ready = 0;
    std::set<const job_pod*> deleted;
    for (auto& action : actions)
      if (auto a = std::get_if<delete_worker>(&action)) deleted.insert(a->pod);
    for (auto p : v.pods) {
      bool counts = !p->finished() && !p->going && !deleted.contains(p);
      leaving += counts;
      ready += counts && p->ready;
    }
    auto now_active = leaving + started;
    now_active ? status.set_active(now_active) : status.clear_active();
    status.set_ready(ready);
    status.set_terminating(ending);
    status.mutable_uncounted_terminated_pods();
    if (status.succeeded() == 0) status.clear_succeeded();
    if (indexed) {
      completed.empty() ? status.clear_completed_indexes()
                        : status.set_completed_indexes(completed.text());
      if (counts_by_index()) status.set_failed_indexes(failed.text());
    }
    if (codec::to_wire(status) != codec::to_wire(job.status())) then(set_job_status{status});
  }

  const job_view& v;
  const Job& job;
  const k8s::batch::v1::JobSpec& spec;
  JobStatus status;
  const bool indexed;
  const int end; ///< of the indexes
  index_set completed, failed;
  std::vector<const job_pod*> active;
  std::map<int, const job_pod*> held; ///< failed pods by index that wait for their successors
  int ending = 0, started = 0, writes = 0, held_failures = 0;
  bool some_wait = false; ///< ended pods that are for the next round
  std::string failure_reason, failure_message, success_reason, success_message;
  std::vector<job_action> actions;
};

} // namespace

std::vector<job_action> plan(const job_view& observed) { return work{observed}.run(); }

std::string_view finished_as(const Job& job) {
  for (auto type : {"Complete", "Failed"})
    if (holding(job.status().conditions(), type)) return type;
  return {};
}

timestamp finish_time(const Job& job) {
  auto type = finished_as(job);
  if (type.empty()) return {};
  auto c = find_condition(job.status().conditions(), type);
  return {c->last_transition_time().seconds(), 0};
}

} // namespace troupe::controllers
