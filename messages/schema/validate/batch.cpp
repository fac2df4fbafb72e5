// Jobs and cron jobs.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/cron.hpp"

#include "messages/api/cron_job.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::batch::v1;

constexpr size_t cron_job_name_max = 52; // room for "-" and the minute behind it, in 63
constexpr int32_t indexed_parallelism_max = 100'000;
constexpr int rules_max = 20;
constexpr int exit_codes_max = 255;

void exit_codes(report& out, const path& at, const PodFailurePolicyOnExitCodesRequirement& r,
                const k8s::core::v1::PodSpec& pod) {
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
    out.invalid(values, 0, "at least one value is required");
  else if (r.values_size() > exit_codes_max)
    out.too_many(values, static_cast<size_t>(r.values_size()), exit_codes_max);
  for (int i = 0; i < r.values_size(); ++i) {
    if (r.operator_() == "In" && r.values(i) == 0)
      out.invalid(values[i], 0, "must not be 0 for the In operator");
    if (i > 0 && r.values(i) == r.values(i - 1)) out.duplicate(values[i], r.values(i));
    if (i > 0 && r.values(i) < r.values(i - 1)) out.invalid(values, r.values(i), "must be ordered");
  }
}

void failure_policy(report& out, const path& at, const JobSpec& spec) {
  auto& rules = spec.pod_failure_policy().rules();
  if (rules.size() > rules_max)
    out.too_many(at / "rules", static_cast<size_t>(rules.size()), rules_max);
  for (int i = 0; i < rules.size(); ++i) {
    auto here = at.at("rules", i);
    auto& r = rules[i];
    out.one_of(here / "action", r.action(), {"Count", "FailIndex", "FailJob", "Ignore"});
    if (r.action() == "FailIndex" && !spec.has_backoff_limit_per_index())
      out.invalid(here / "action", r.action(), "requires the backoffLimitPerIndex to be set");
    bool codes = r.has_on_exit_codes(), conditions = r.on_pod_conditions_size() > 0;
    if (codes) exit_codes(out, here / "onExitCodes", r.on_exit_codes(), spec.template_().spec());
    for (int c = 0; c < r.on_pod_conditions_size(); ++c) {
      auto condition = here.at("onPodConditions", c);
      out.invalid(condition / "type", r.on_pod_conditions(c).type(),
                  names::qualified(r.on_pod_conditions(c).type()));
      out.one_of(condition / "status", r.on_pod_conditions(c).status(),
                 {"False", "True", "Unknown"});
    }
    if (codes && conditions)
      out.invalid(here, "", "specifying both OnExitCodes and OnPodConditions is not supported");
    if (!codes && !conditions)
      out.invalid(here, "", "specifying one of OnExitCodes and OnPodConditions is required");
  }
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
    if (rules[i].has_succeeded_count()) {
      out.positive(here / "succeededCount", rules[i].succeeded_count());
      if (rules[i].succeeded_count() > spec.completions())
        out.invalid(here / "succeededCount", rules[i].succeeded_count(),
                    "must be less than or equal to completions");
    }
  }
}

void indexed(report& out, const path& at, const JobSpec& spec) {
  if (!spec.has_completions()) out.required(at / "completions", "when completion mode is Indexed");
  if (spec.parallelism() > indexed_parallelism_max)
    out.invalid(at / "parallelism", spec.parallelism(),
                "must be less than or equal to 100000 when completion mode is Indexed");
}

void not_indexed(report& out, const path& at, const JobSpec& spec) {
  constexpr const char* why = "requires indexed completion mode";
  if (spec.has_backoff_limit_per_index())
    out.invalid(at / "backoffLimitPerIndex", spec.backoff_limit_per_index(), why);
  if (spec.has_success_policy()) out.invalid(at / "successPolicy", "", why);
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
  if (!spec.completion_mode().empty()) {
    out.one_of(at / "completionMode", spec.completion_mode(), {"Indexed", "NonIndexed"});
    if (spec.completion_mode() == "Indexed") indexed(out, at, spec);
  }
  if (spec.completion_mode() != "Indexed") not_indexed(out, at, spec);
  if (spec.has_pod_failure_policy()) failure_policy(out, at / "podFailurePolicy", spec);
  if (spec.has_success_policy()) success_policy(out, at / "successPolicy", spec);
  if (!spec.pod_replacement_policy().empty()) {
    if (spec.has_pod_failure_policy())
      out.one_of(at / "podReplacementPolicy", spec.pod_replacement_policy(), {"Failed"});
    else
      out.one_of(at / "podReplacementPolicy", spec.pod_replacement_policy(),
                 {"Failed", "TerminatingOrFailed"});
  }
  pod_template(out, at / "template", spec.template_());
  restart_policy(out, at, spec);
}

bool generated_label(std::string_view key) {
  return key == "controller-uid" || key == "job-name" ||
         key == "batch.kubernetes.io/controller-uid" || key == "batch.kubernetes.io/job-name";
}

/// The server generates the selector unless told not to.
void selector(report& out, const path& at, const JobSpec& spec) {
  auto here = at / "selector";
  if (!spec.has_selector()) {
    if (spec.manual_selector()) out.required(here);
    return;
  }
  label_selector(out, here, spec.selector());
  bool ours =
      std::all_of(spec.selector().match_labels().begin(), spec.selector().match_labels().end(),
                  [](auto& label) { return generated_label(label.first); });
  if (!spec.manual_selector() && (!ours || spec.selector().match_expressions_size() > 0))
    out.invalid(here, "", "`selector` not auto-generated");
  else if (!selects(spec.selector(), spec.template_().metadata().labels()))
    out.invalid(at / "template.metadata.labels", "", "`selector` does not match template `labels`");
}

void job(report& out, const Job& j) {
  path top;
  auto at = top / "spec";
  job_spec(out, at, j.spec());
  selector(out, at, j.spec());
}

/// The pods of an indexed job take their host names from the job's name and their number.
void job_create(report& out, const Job& j) {
  if (j.spec().completion_mode() != "Indexed" || j.spec().completions() <= 0) return;
  path top;
  auto host = j.metadata().name() + "-" + std::to_string(j.spec().completions() - 1);
  auto faults = names::dns_label(host);
  for (auto& fault : faults)
    out.invalid(top / "metadata.name", j.metadata().name(),
                "will not able to create pod with invalid DNS label: " + host + ": " + fault);
}

/// While a job is held back before its first start, where and how its pods run may still change.
k8s::core::v1::PodTemplateSpec allowed_template(const Job& j, const Job& old) {
  auto wanted = old.spec().template_();
  bool held_back = old.spec().suspend() && !old.status().has_start_time();
  if (!held_back) return wanted;
  auto& now = j.spec().template_();
  *wanted.mutable_metadata()->mutable_labels() = now.metadata().labels();
  *wanted.mutable_metadata()->mutable_annotations() = now.metadata().annotations();
  auto& spec = *wanted.mutable_spec();
  *spec.mutable_node_selector() = now.spec().node_selector();
  *spec.mutable_affinity() = now.spec().affinity();
  *spec.mutable_tolerations() = now.spec().tolerations();
  *spec.mutable_scheduling_gates() = now.spec().scheduling_gates();
  return wanted;
}

void job_update(report& out, const Job& j, const Job& old) {
  path top;
  auto at = top / "spec";
  auto& now = j.spec();
  auto& before = old.spec();
  bool elastic = now.completion_mode() == "Indexed" && now.completions() == now.parallelism();
  out.immutable(at / "completions", now.completions(),
                elastic || (now.has_completions() == before.has_completions() &&
                            now.completions() == before.completions()));
  out.immutable(at / "selector", "", same(now.selector(), before.selector()));
  out.immutable(at / "template", "", same(now.template_(), allowed_template(j, old)));
  out.immutable(at / "completionMode", now.completion_mode(),
                now.completion_mode() == before.completion_mode());
  out.immutable(at / "podFailurePolicy", "",
                same(now.pod_failure_policy(), before.pod_failure_policy()));
  out.immutable(at / "backoffLimitPerIndex", now.backoff_limit_per_index(),
                now.backoff_limit_per_index() == before.backoff_limit_per_index());
  out.immutable(at / "managedBy", now.managed_by(), now.managed_by() == before.managed_by());
  out.immutable(at / "successPolicy", "", same(now.success_policy(), before.success_policy()));
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
  else if (spec.schedule().find("TZ") != std::string::npos)
    out.invalid(schedule, spec.schedule(),
                "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (auto parsed = cron::parse(spec.schedule()); !parsed)
    out.invalid(schedule, spec.schedule(), parsed.error().message);
  out.not_negative(at / "startingDeadlineSeconds", spec.starting_deadline_seconds());
  out.one_of(at / "concurrencyPolicy", spec.concurrency_policy(), {"Allow", "Forbid", "Replace"});
  out.not_negative(at / "successfulJobsHistoryLimit", spec.successful_jobs_history_limit());
  out.not_negative(at / "failedJobsHistoryLimit", spec.failed_jobs_history_limit());
  if (spec.has_time_zone())
    if (auto fault = time_zone_fault(spec.time_zone()); !fault.empty())
      out.invalid(at / "timeZone", spec.time_zone(), fault);
  auto job_template = at / "jobTemplate";
  auto meta = job_template / "metadata", job = job_template / "spec";
  labels(out, meta / "labels", spec.job_template().metadata().labels());
  annotations(out, meta / "annotations", spec.job_template().metadata().annotations());
  job_spec(out, job, spec.job_template().spec());
  if (spec.job_template().spec().has_manual_selector() &&
      spec.job_template().spec().manual_selector())
    out.not_supported(job / "manualSelector", true, {"nil", "false"});
  if (spec.job_template().spec().has_selector())
    out.invalid(job / "selector", "", "`selector` will be auto-generated");
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
