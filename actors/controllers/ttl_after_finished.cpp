#include "actors/controllers/ttl_after_finished.hpp"

#include "actors/controllers/job_plan.hpp"
#include "actors/controllers/reconciler.hpp"

namespace troupe::controllers {

namespace {

using k8s::batch::v1::Job;

/// When the job may be deleted; nothing if it is to stay.
std::optional<timestamp> expiry_of(const Job& job) {
  if (!job.spec().has_ttl_seconds_after_finished() || finished_as(job).empty() ||
      job.metadata().has_deletion_timestamp())
    return {};
  return timestamp{finish_time(job).seconds + job.spec().ttl_seconds_after_finished(), 0};
}

class ttl_controller : public reconciler {
public:
  ttl_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "ttl-after-finished-controller"} {
    listen(jobs, [this](auto& entry, bool gone) {
      if (!gone) mark(entry->key());
    });
  }

private:
  void forget() override {}

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    Job job;
    if (!entry || !gateway::read_entry(*entry, job)) return;
    auto due = expiry_of(job);
    if (!due) return;
    if (*due > r.at) return r.again_at(*due);
    k8s::meta::v1::DeleteOptions options;
    options.set_propagation_policy("Foreground");
    if (auto ok = r.write.remove(jobs, *entry, options); !ok) r.fail(ok.error());
  }

  const schema::kind& jobs = built_in("batch", "v1", "jobs");
};

} // namespace

controller_actor::behavior_type ttl_after_finished(controller_actor::pointer self,
                                                   environment given) {
  return run<ttl_controller>(self, std::move(given));
}

} // namespace troupe::controllers
