// Wishes about cron jobs, pods that are more important than others, and partitions of stateful
// sets.
#include "test/sim/company/workload.hpp"

#include "messages/api/cron_job.pb.h"

namespace troupe::sim {

namespace {

using k8s::batch::v1::CronJob;

const schema::kind& kind(const char* group, const char* plural) {
  return *schema::registry::built_in()->by_resource(group, "v1", plural);
}
const schema::kind& cron_jobs() { return kind("batch", "cronjobs"); }

constexpr const char* crons[] = {"c0", "c1"};

} // namespace

void workload::create_cron_job(const std::string& name) {
  static const char* const policies[] = {"Allow", "Forbid", "Replace"};
  // Some runs take longer than there is time until the next.
  auto run_time = chance(0.5) ? 1'000 + pick(5'000) : 50'000 + pick(120'000);
  create(cron_jobs(), "a", name,
         "{metadata: {name: " + name + ", namespace: a}, spec: {schedule: \"* * * * *\", " +
             "concurrencyPolicy: " + policies[pick(3)] +
             ", successfulJobsHistoryLimit: " + std::to_string(pick(3)) +
             (chance(0.5) ? ", startingDeadlineSeconds: " + std::to_string(10 + pick(100)) : "") +
             ", jobTemplate: {spec: {backoffLimit: 100, template: " +
             pod_template(name,
                          ", hollow.troupe.dev/run-time: \"" + std::to_string(run_time) +
                              "ms\", hollow.troupe.dev/exit-code: \"0\"",
                          ", restartPolicy: Never") +
             "}}}}");
}

void workload::change_cron_job() {
  std::string name = crons[pick(std::size(crons))];
  auto suspended = chance(0.5);
  change(cron_jobs(), "a", name, suspended ? "suspend" : "let run",
         [=](auto& m) { static_cast<CronJob&>(m).mutable_spec()->set_suspend(suspended); });
}

/// Who needs most of a machine, and may send others away or has to wait; who can be on one machine
/// only.
void workload::create_ranks() {
  auto& classes = kind("scheduling.k8s.io", "priorityclasses");
  create(classes, {}, "rooted", "{metadata: {name: rooted}, value: 100}");
  create(classes, {}, "everywhere", "{metadata: {name: everywhere}, value: 200}");
  create(classes, {}, "urgent", "{metadata: {name: urgent}, value: 1000}");
  create(classes, {}, "polite", "{metadata: {name: polite}, value: 500, preemptionPolicy: Never}");
}

void workload::summon_important() {
  auto name = "u" + std::to_string(summoned_++ % important_max);
  create(kind("apps", "deployments"), "a", name,
         "{metadata: {name: " + name + ", namespace: a}, spec: {replicas: " +
             std::to_string(1 + pick(3)) + ", selector: {matchLabels: {app: " + name +
             "}}, template: {metadata: {labels: {app: " + name + "}}, spec: {priorityClassName: " +
             (chance(0.7) ? "urgent" : "polite") + ", containers: [{name: c, image: \"" + name +
             ":0\", resources: {requests: {cpu: " + (chance(0.5) ? "3000m" : "3700m") + "}}}]}}}}");
  now_ += std::chrono::milliseconds{3'000 + pick(20'000)};
  add("dismiss " + name,
      [=](company& c, rules&) { c.remove(kind("apps", "deployments"), "a", name, "Background"); });
}

void workload::move_partition(const std::string& set) {
  auto partition = static_cast<int>(pick(5));
  change(kind("apps", "statefulsets"), "a", set, "partition at " + std::to_string(partition),
         [=](auto& m) { put_partition(m, partition); });
}

void workload::put_partition(message& set, int partition) {
  static_cast<k8s::apps::v1::StatefulSet&>(set)
      .mutable_spec()
      ->mutable_update_strategy()
      ->mutable_rolling_update()
      ->set_partition(partition);
}

void workload::relent_kinds(company& c) {
  for (auto set : {"s0", "s1", "s2"})
    c.change(kind("apps", "statefulsets"), "a", set, [](auto& m) { put_partition(m, 0); });
  for (int i = 0; i < important_max; ++i)
    c.remove(kind("apps", "deployments"), "a", "u" + std::to_string(i), "Background");
}

void workload::stop_clockwork(company& c) {
  for (auto name : crons)
    c.change(cron_jobs(), "a", name,
             [](auto& m) { static_cast<CronJob&>(m).mutable_spec()->set_suspend(true); });
}

} // namespace troupe::sim
