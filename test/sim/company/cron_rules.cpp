#include "test/sim/company/cron_rules.hpp"

#include "test/sim/company/rules.hpp"

namespace troupe::sim {

namespace {

[[noreturn]] void fail(const std::string& what) { throw broken_rule{what}; }

bool over(const k8s::batch::v1::Job& job) {
  for (auto& c : job.status().conditions())
    if ((c.type() == "Complete" || c.type() == "Failed") && c.status() == "True") return true;
  return false;
}

std::string cron_of(const k8s::meta::v1::ObjectMeta& m) {
  for (auto& o : m.owner_references())
    if (o.controller() && o.kind() == "CronJob") return o.uid();
  return {};
}

} // namespace

void cron_rules::hear(const std::vector<storage::event_ptr>& events, const scene& there,
                      nanoseconds now) {
  for (auto& e : events) {
    std::string key(e->now->key());
    auto resource = storage::resource_of(key);
    if (resource == "cronjobs.batch" && e->what != storage::event::kind::erase)
      cron_changed(read_object<k8s::batch::v1::CronJob>(*e->now), now);
    else if (resource == "jobs.batch" && e->created())
      job_made(key, read_object<k8s::batch::v1::Job>(*e->now), there, now);
  }
}

void cron_rules::cron_changed(const k8s::batch::v1::CronJob& is, nanoseconds now) {
  auto& c = crons_[is.metadata().uid()];
  c.policy = is.spec().concurrency_policy();
  c.suspended.put(is.spec().suspend(), now);
}

/// No time is kept twice; who forbids or replaces has one run at a time; who is suspended has none.
void cron_rules::job_made(const std::string& key, const k8s::batch::v1::Job& job,
                          const scene& there, nanoseconds now) {
  auto cron = cron_of(job.metadata());
  if (cron.empty()) return;
  if (!runs_.insert(cron + "/" + key).second) fail(key + " is run twice");
  auto& c = crons_[cron];
  if (c.suspended.least(now) == 1 && c.suspended.steady(now))
    fail(key + " is run although its cron job is suspended");
  if (c.policy == "Allow") return;
  for (auto& [other, j] : there.jobs)
    if (other != key && cron_of(j.metadata()) == cron && !over(j) &&
        !j.metadata().has_deletion_timestamp())
      fail(key + " is run while " + other + " is; the policy is " + c.policy);
}

} // namespace troupe::sim
