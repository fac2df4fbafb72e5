// Jobs and cron jobs.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/cron.hpp"

#include "messages/api/cron_job.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>
#include <charconv>

namespace troupe::schema::validate {

namespace {

using namespace k8s::batch::v1;

constexpr size_t cron_job_name_max = 52; // room for "-" and the minute behind it, in 63
constexpr int32_t indexed_parallelism_max = 100'000;
constexpr int rules_max = 20;
constexpr int conditions_max = 20;
constexpr size_t indexes_bytes_max = 64 * 1024;
constexpr int32_t completions_soft_max = 100'000;
constexpr int32_t failed_indexes_max = 10'000; // when there are more completions than that
constexpr int32_t parallelism_high_max = 10'000;
constexpr int exit_codes_max = 255;

void exit_codes(report& out, const path& at, const PodFailurePolicyOnExitCodesRequirement& r,
                const k8s::core::v1::PodSpec& pod) {
  if (out.not_empty(at / "operator", r.operator_(), "valid values: [\"In\" \"NotIn\"]"))
    out.one_of(at / "operator", r.operator_(), {"In", "NotIn"});
  if (r.has_container_name()) {
    auto named = [&](auto& c) { return c.name() == r.container_name(); };
    if (std::none_of(pod.containers().begin(), pod.containers().end(), named) &&
        std::none_of(pod.init_containers().begin(), pod.init_containers().end(), named))
      out.invalid(at / "containerName", r.container_name(),
                  "must be one of the container or initContainer names in the pod template");
  }
  auto values = at / "values";
  if (r.values().empty())
    out.invalid(values, "", "at least one value is required");
  else if (r.values_size() > exit_codes_max)
    out.too_many(values, static_cast<size_t>(r.values_size()), exit_codes_max);
  std::set<int32_t> seen;
  for (int i = 0; i < r.values_size(); ++i) {
    if (r.operator_() == "In" && r.values(i) == 0)
      out.invalid(values[i], 0, "must not be 0 for the In operator");
    if (!seen.insert(r.values(i)).second) out.duplicate(values[i], r.values(i));
  }
  if (!std::is_sorted(r.values().begin(), r.values().end()))
    out.invalid(values, r.values_size(), "must be ordered");
}

void failure_policy(report& out, const path& at, const JobSpec& spec) {
  auto& rules = spec.pod_failure_policy().rules();
  if (rules.size() > rules_max)
    out.too_many(at / "rules", static_cast<size_t>(rules.size()), rules_max);
  for (int i = 0; i < rules.size(); ++i) {
    auto here = at.at("rules", i);
    auto& r = rules[i];
    if (r.action() == "FailIndex") {
      if (!spec.has_backoff_limit_per_index())
        out.invalid(here / "action", r.action(), "requires the backoffLimitPerIndex to be set");
    } else if (out.not_empty(here / "action", r.action(),
                             "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]")) {
      out.one_of(here / "action", r.action(), {"Count", "FailIndex", "FailJob", "Ignore"});
    }
    bool codes = r.has_on_exit_codes(), conditions = r.on_pod_conditions_size() > 0;
    if (codes) exit_codes(out, here / "onExitCodes", r.on_exit_codes(), spec.template_().spec());
    if (r.on_pod_conditions_size() > conditions_max)
      out.too_many(here / "onPodConditions", static_cast<size_t>(r.on_pod_conditions_size()),
                   conditions_max);
    for (int c = 0; c < r.on_pod_conditions_size(); ++c) {
      auto condition = here.at("onPodConditions", c);
      out.invalid(condition / "type", r.on_pod_conditions(c).type(),
                  names::qualified(r.on_pod_conditions(c).type()));
      auto& status = r.on_pod_conditions(c).status();
      if (out.not_empty(condition / "status", status,
                        "valid values: [\"False\" \"True\" \"Unknown\"]"))
        out.one_of(condition / "status", status, {"False", "True", "Unknown"});
    }
    if (codes && conditions)
      out.invalid(here, "", "specifying both OnExitCodes and OnPodConditions is not supported");
    if (!codes && !conditions)
      out.invalid(here, "", "specifying one of OnExitCodes and OnPodConditions is required");
  }
}

/// What is wrong with "0,2-5,7"; counts the indexes.
std::string index_fault(std::string_view text, int32_t completions, int64_t& total) {
  int64_t last = -1;
  auto order = [](int64_t a, int64_t b) {
    return "non-increasing order, previous: " + std::to_string(a) +
           ", current: " + std::to_string(b);
  };
  auto quoted = [](std::string_view s) { return shown(s).text(); };
  for (size_t at = 0; !text.empty() && at <= text.size();) {
    auto comma = std::min(text.find(',', at), text.size());
    auto part = text.substr(at, comma - at);
    at = comma + 1;
    auto dash = part.find('-');
    if (dash != part.npos && part.find('-', dash + 1) != part.npos)
      return "the fragment " + quoted(part) +
             " violates the requirement that an index interval can have at most two parts "
             "separated by '-'";
    int64_t bounds[2];
    for (int i = 0; i < (dash == part.npos ? 1 : 2); ++i) {
      auto number = i == 0 ? part.substr(0, dash) : part.substr(dash + 1);
      auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), bounds[i]);
      if (failed != std::errc() || end != number.data() + number.size())
        return "cannot convert string to integer for index: " + quoted(number);
      if (bounds[i] >= completions) return "too large index: " + quoted(number);
    }
    if (dash == part.npos)
      bounds[1] = bounds[0];
    else if (bounds[0] >= bounds[1])
      return order(bounds[0], bounds[1]);
    if (last >= bounds[0]) return order(last, bounds[0]);
    total += bounds[1] - bounds[0] + 1;
    last = bounds[1];
  }
  return {};
}

void success_policy(report& out, const path& at, const JobSpec& spec) {
  auto& rules = spec.success_policy().rules();
  if (rules.empty())
    out.required(at / "rules",
                 "at least one rules must be specified when the successPolicy is specified");
  if (rules.size() > rules_max)
    out.too_many(at / "rules", static_cast<size_t>(rules.size()), rules_max);
  for (int i = 0; i < rules.size(); ++i) {
    auto here = at.at("rules", i);
    if (!rules[i].has_succeeded_count() && !rules[i].has_succeeded_indexes())
      out.required(here, "at least one of succeededCount or succeededIndexes must be specified");
    int64_t total = 0;
    if (rules[i].has_succeeded_indexes()) {
      auto indexes = here / "succeededIndexes";
      if (rules[i].succeeded_indexes().size() > indexes_bytes_max)
        out.too_long(indexes, indexes_bytes_max);
      auto fault = index_fault(rules[i].succeeded_indexes(), spec.completions(), total);
      if (!fault.empty())
        out.invalid(indexes, rules[i].succeeded_indexes(),
                    "error parsing succeededIndexes: " + fault);
    }
    if (!rules[i].has_succeeded_count()) continue;
    auto most = [&](int64_t max, const std::string& what) {
      if (rules[i].succeeded_count() > max)
        out.invalid(here / "succeededCount", rules[i].succeeded_count(),
                    "must be less than or equal to " + std::to_string(max) + " (the number of " +
                        what + ")");
    };
    out.not_negative(here / "succeededCount", rules[i].succeeded_count());
    most(spec.completions(), "specified completions");
    if (rules[i].has_succeeded_indexes())
      most(total, "indexes in the specified succeededIndexes field");
  }
}

void indexed(report& out, const path& at, const JobSpec& spec) {
  if (!spec.has_completions()) out.required(at / "completions", "when completion mode is Indexed");
  if (spec.parallelism() > indexed_parallelism_max)
    out.invalid(at / "parallelism", spec.parallelism(),
                "must be less than or equal to 100000 when completion mode is Indexed");
  auto failed = at / "maxFailedIndexes";
  if (spec.has_completions() && spec.max_failed_indexes() > spec.completions())
    out.invalid(failed, spec.max_failed_indexes(), "must be less than or equal to completions");
  if (spec.max_failed_indexes() > indexed_parallelism_max)
    out.invalid(failed, spec.max_failed_indexes(), "must be less than or equal to 100000");
  if (spec.completions() <= completions_soft_max || !spec.has_backoff_limit_per_index()) return;
  constexpr const char* why =
      "must be less than or equal to 10000 when completions are above 100000 "
      "and used with backoff limit per index";
  if (!spec.has_max_failed_indexes())
    out.required(failed, "must be specified when completions is above 100000");
  if (spec.parallelism() > parallelism_high_max)
    out.invalid(at / "parallelism", spec.parallelism(), why);
  if (spec.max_failed_indexes() > failed_indexes_max)
    out.invalid(failed, spec.max_failed_indexes(), why);
}

void not_indexed(report& out, const path& at, const JobSpec& spec) {
  constexpr const char* why = "requires indexed completion mode";
  if (spec.has_backoff_limit_per_index())
    out.invalid(at / "backoffLimitPerIndex", spec.backoff_limit_per_index(), why);
  if (spec.has_max_failed_indexes())
    out.invalid(at / "maxFailedIndexes", spec.max_failed_indexes(), why);
}

void restart_policy(report& out, const path& at, const JobSpec& spec) {
  auto here = at / "template.spec.restartPolicy";
  auto& policy = spec.template_().spec().restart_policy();
  if (policy.empty() || policy == "Always")
    out.required(here, "valid values: \"OnFailure\", \"Never\"");
  else if (policy != "OnFailure" && policy != "Never")
    out.not_supported(here, policy, {"OnFailure", "Never"});
  else if (spec.has_pod_failure_policy() && policy != "Never")
    out.invalid(here, policy, "only \"Never\" is supported when podFailurePolicy is specified");
}

void job_spec(report& out, const path& at, const JobSpec& spec) {
  out.not_negative(at / "parallelism", spec.parallelism());
  out.not_negative(at / "completions", spec.completions());
  out.not_negative(at / "activeDeadlineSeconds", spec.active_deadline_seconds());
  out.not_negative(at / "backoffLimit", spec.backoff_limit());
  out.not_negative(at / "ttlSecondsAfterFinished", spec.ttl_seconds_after_finished());
  out.not_negative(at / "backoffLimitPerIndex", spec.backoff_limit_per_index());
  out.not_negative(at / "maxFailedIndexes", spec.max_failed_indexes());
  if (spec.has_max_failed_indexes() && !spec.has_backoff_limit_per_index())
    out.required(at / "backoffLimitPerIndex", "when maxFailedIndexes is specified");
  if (spec.has_managed_by()) {
    out.invalid(at / "managedBy", spec.managed_by(), names::domain_path(spec.managed_by()));
    if (spec.managed_by().size() > 63) out.too_long(at / "managedBy", 63);
  }
  if (spec.has_completion_mode()) {
    out.one_of(at / "completionMode", spec.completion_mode(), {"NonIndexed", "Indexed"});
    if (spec.completion_mode() == "Indexed") indexed(out, at, spec);
  }
  if (!spec.has_completion_mode() || spec.completion_mode() == "NonIndexed")
    not_indexed(out, at, spec);
  if (spec.has_pod_failure_policy()) failure_policy(out, at / "podFailurePolicy", spec);
  if (spec.has_success_policy()) {
    if (spec.completion_mode() == "Indexed")
      success_policy(out, at / "successPolicy", spec);
    else
      out.invalid(at / "successPolicy", "", "requires indexed completion mode");
  }
  if (spec.has_pod_replacement_policy()) {
    if (spec.has_pod_failure_policy())
      out.one_of(at / "podReplacementPolicy", spec.pod_replacement_policy(), {"Failed"});
    else
      out.one_of(at / "podReplacementPolicy", spec.pod_replacement_policy(),
                 {"Failed", "TerminatingOrFailed"});
  }
  pod_template(out, at / "template", spec.template_());
  restart_policy(out, at, spec);
}

/// What the server generated is there, unless the author changed it. Jobs that are judged before
/// they are sent have no uid yet.
void generated(report& out, const Job& j) {
  auto& spec = j.spec();
  if (spec.manual_selector() || !spec.has_selector() || j.metadata().uid().empty()) return;
  path top;
  auto at = top / "spec.template.metadata.labels";
  auto& labels = spec.template_().metadata().labels();
  texts wanted;
  for (auto& [key, value] :
       {std::pair{"controller-uid", j.metadata().uid()}, std::pair{"job-name", j.metadata().name()},
        std::pair{"batch.kubernetes.io/controller-uid", j.metadata().uid()},
        std::pair{"batch.kubernetes.io/job-name", j.metadata().name()}}) {
    auto found = labels.find(key);
    if (found == labels.end())
      out.required(at.key(key), "must be '" + value + "'");
    else if (found->second != value)
      out.invalid(at.key(key), found->second, "must be '" + value + "'");
    wanted[key] = value;
  }
  if (!selects(spec.selector(), wanted))
    out.invalid(top / "spec.selector", shown::plain(json_of(spec.selector())),
                "`selector` not auto-generated");
}

void selector(report& out, const path& at, const JobSpec& spec) {
  auto before = out.size();
  if (spec.has_selector())
    label_selector(out, at / "selector", spec.selector());
  else if (spec.manual_selector())
    out.required(at / "selector");
  else
    return; // the server generates it
  bool sound = !spec.has_selector() || out.size() == before;
  if (sound &&
      !(spec.has_selector() && selects(spec.selector(), spec.template_().metadata().labels())))
    out.invalid(at / "template.metadata.labels",
                shown::plain(json_of(spec.template_().metadata().labels())),
                "`selector` does not match template `labels`");
}

void job(report& out, const Job& j) {
  path top;
  auto at = top / "spec";
  generated(out, j);
  job_spec(out, at, j.spec());
  selector(out, at, j.spec());
}

/// The pods of an indexed job take their host names from the job's name and their number.
void job_create(report& out, const Job& j) {
  if (j.spec().completion_mode() != "Indexed" || j.spec().completions() <= 0) return;
  path top;
  auto host = j.metadata().name() + "-" + std::to_string(j.spec().completions() - 1);
  if (!names::dns_label(host).empty())
    out.invalid(top / "metadata.name", j.metadata().name(),
                "will not able to create pod with invalid DNS label: " + host);
}

/// While a job is held back, and nothing of it runs, it may still change where its pods run and
/// what they need.
bool is_held_back(const Job& j) {
  if (!j.spec().suspend()) return false;
  if (!j.status().has_start_time()) return true;
  auto& all = j.status().conditions();
  return j.status().active() == 0 && std::any_of(all.begin(), all.end(), [](auto& c) {
           return c.type() == "Suspended" && c.status() == "True";
         });
}

template<class Containers> void take_over_needs(Containers& wanted, const Containers& now) {
  for (int i = 0; i < std::min(wanted.size(), now.size()); ++i) {
    auto& to = *wanted.Mutable(i);
    if (now.Get(i).has_resources())
      *to.mutable_resources() = now.Get(i).resources();
    else
      to.clear_resources();
  }
}

k8s::core::v1::PodTemplateSpec allowed_template(const Job& j, const Job& old) {
  auto wanted = old.spec().template_();
  if (!is_held_back(old)) return wanted;
  auto& now = j.spec().template_();
  *wanted.mutable_metadata()->mutable_labels() = now.metadata().labels();
  *wanted.mutable_metadata()->mutable_annotations() = now.metadata().annotations();
  auto& spec = *wanted.mutable_spec();
  *spec.mutable_node_selector() = now.spec().node_selector();
  *spec.mutable_affinity() = now.spec().affinity();
  *spec.mutable_tolerations() = now.spec().tolerations();
  *spec.mutable_scheduling_gates() = now.spec().scheduling_gates();
  take_over_needs(*spec.mutable_containers(), now.spec().containers());
  take_over_needs(*spec.mutable_init_containers(), now.spec().init_containers());
  return wanted;
}

void job_update(report& out, const Job& j, const Job& old) {
  path top;
  auto at = top / "spec";
  auto& now = j.spec();
  auto& before = old.spec();
  bool changed = now.has_completions() != before.has_completions() ||
                 now.completions() != before.completions();
  if (now.completion_mode() != "Indexed")
    out.immutable(at / "completions", now.has_completions() ? shown(now.completions()) : "null",
                  !changed);
  else if (changed && now.has_completions() && now.completions() != now.parallelism())
    out.invalid(at / "completions", now.completions(),
                "can only be modified in tandem with spec.parallelism");
  out.immutable(at / "selector", now.has_selector() ? &now.selector() : nullptr,
                same(now.selector(), before.selector()));
  out.immutable(at / "template", &now.template_(), same(now.template_(), allowed_template(j, old)));
  out.immutable(at / "completionMode", now.completion_mode(),
                now.completion_mode() == before.completion_mode());
  out.immutable(at / "podFailurePolicy",
                now.has_pod_failure_policy() ? &now.pod_failure_policy() : nullptr,
                same(now.pod_failure_policy(), before.pod_failure_policy()));
  out.immutable(at / "backoffLimitPerIndex",
                now.has_backoff_limit_per_index() ? shown(now.backoff_limit_per_index()) : "null",
                now.backoff_limit_per_index() == before.backoff_limit_per_index());
  out.immutable(at / "managedBy", now.has_managed_by() ? now.managed_by() : "null",
                now.managed_by() == before.managed_by());
  out.immutable(at / "successPolicy", now.has_success_policy() ? &now.success_policy() : nullptr,
                same(now.success_policy(), before.success_policy()));
}

void job_status(report& out, const Job& j, const Job&) {
  path top;
  auto at = top / "status";
  auto& s = j.status();
  out.not_negative(at / "active", s.active());
  out.not_negative(at / "succeeded", s.succeeded());
  out.not_negative(at / "failed", s.failed());
  out.not_negative(at / "ready", s.ready());
  out.not_negative(at / "terminating", s.terminating());
}

void cron_job(report& out, const CronJob& c) {
  path top;
  auto at = top / "spec";
  auto& spec = c.spec();
  auto schedule = at / "schedule";
  if (spec.schedule().empty())
    out.required(schedule);
  else {
    bool zone = spec.schedule().find("TZ") != std::string::npos;
    if (auto parsed = cron::parse(spec.schedule()); !parsed && !zone)
      out.invalid(schedule, spec.schedule(), parsed.error().message);
    if (zone)
      out.invalid(schedule, spec.schedule(),
                  "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  }
  out.not_negative(at / "startingDeadlineSeconds", spec.starting_deadline_seconds());
  if (spec.has_time_zone())
    if (auto fault = time_zone_fault(spec.time_zone()); !fault.empty())
      out.invalid(at / "timeZone", spec.time_zone(), fault);
  out.one_of(at / "concurrencyPolicy", spec.concurrency_policy(), {"Allow", "Forbid", "Replace"});
  auto job = at / "jobTemplate.spec";
  auto& inner = spec.job_template().spec();
  job_spec(out, job, inner);
  if (inner.has_selector())
    out.invalid(job / "selector", shown::plain(json_of(inner.selector())),
                "`selector` will be auto-generated");
  if (inner.manual_selector()) out.not_supported(job / "manualSelector", true, {"nil", "false"});
  out.not_negative(at / "successfulJobsHistoryLimit", spec.successful_jobs_history_limit());
  out.not_negative(at / "failedJobsHistoryLimit", spec.failed_jobs_history_limit());
}

void cron_job_create(report& out, const CronJob& c) {
  path top;
  if (c.metadata().name().size() > cron_job_name_max)
    out.invalid(top / "metadata.name", c.metadata().name(), "must be no more than 52 characters");
}

} // namespace

std::vector<row> batch_kinds() {
  return {
      kind_row<Job>()
          .any_time<job>()
          .on_create<job_create>()
          .on_update<job_update>()
          .on_status<job_status>(),
      kind_row<CronJob>().any_time<cron_job>().on_create<cron_job_create>(),
  };
}

} // namespace troupe::schema::validate
