#include "test/sim/company/kinds_rules.hpp"

#include "actors/gateway/object.hpp"
#include "actors/volumes/binding.hpp"
#include "test/sim/company/rules.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

template<class Object> Object read(const storage::event& e) {
  Object object;
  gateway::read_entry(*e.now, object);
  return object;
}

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

std::string volume_key(const std::string& name) { return "persistentvolumes//" + name; }

} // namespace

void kinds_rules::hear(const std::vector<storage::event_ptr>& events, const scene& there,
                       nanoseconds now) {
  // Volumes first: a claim and its volume are bound together.
  for (auto& e : events) {
    std::string key(e->now->key());
    if (storage::resource_of(key) != "persistentvolumes") continue;
    if (e->what == storage::event::kind::erase)
      volumes_.erase(key);
    else
      volume_changed(key, read<Volume>(*e));
  }
  for (auto& e : events) {
    std::string key(e->now->key());
    auto resource = storage::resource_of(key);
    bool gone = e->what == storage::event::kind::erase;
    if (resource == "persistentvolumeclaims")
      gone ? void(claims_.erase(key)) : claim_changed(key, read<Claim>(*e));
    else if (resource == "cronjobs.batch" && !gone)
      cron_changed(read<k8s::batch::v1::CronJob>(*e), now);
    else if (resource == "jobs.batch" && e->created())
      job_made(key, read<Job>(*e), there, now);
    else if (resource == "pods" && !gone)
      pod_changed(there.pods.at(key), now);
  }
}

// -- cron jobs ------------------------------------------------------------------------------------

void kinds_rules::cron_changed(const k8s::batch::v1::CronJob& is, nanoseconds now) {
  auto& c = crons_[is.metadata().uid()];
  c.policy = is.spec().concurrency_policy();
  c.suspended.put(is.spec().suspend(), now);
  c.succeeded_kept = is.spec().successful_jobs_history_limit();
}

/// No time is kept twice; who forbids or replaces has one run at a time; who is suspended has none.
void kinds_rules::job_made(const std::string& key, const Job& job, const scene& there,
                           nanoseconds now) {
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

// -- claims and volumes ---------------------------------------------------------------------------

void kinds_rules::volume_changed(const std::string& key, const Volume& is) {
  auto& was = volumes_[key];
  auto &before = was.spec().claim_ref().uid(), &after = is.spec().claim_ref().uid();
  if (was.metadata().uid() == is.metadata().uid() && !before.empty() && before != after)
    fail(key + " was kept for one claim and is now for another");
  was = is;
}

void kinds_rules::claim_changed(const std::string& key, const Claim& is) {
  auto& was = claims_[key];
  if (was.metadata().uid() == is.metadata().uid() && !was.spec().volume_name().empty() &&
      was.spec().volume_name() != is.spec().volume_name())
    fail(key + " was bound to " + was.spec().volume_name() + " and is to " +
         is.spec().volume_name());
  was = is;
  if (is.status().phase() == "Bound") check_bound(key, is);
}

/// The volume says so, too, and it is nobody else's.
void kinds_rules::check_bound(const std::string& key, const Claim& claim) const {
  auto& name = claim.spec().volume_name();
  auto volume = volumes_.find(volume_key(name));
  if (volume == volumes_.end()) return; // the user has removed it
  if (volume->second.spec().claim_ref().uid() != claim.metadata().uid())
    fail(key + " is bound to " + name + ", which is kept for another");
  for (auto& [other, c] : claims_)
    if (other != key && c.spec().volume_name() == name && c.status().phase() == "Bound")
      fail(key + " and " + other + " are bound to " + name);
}

void kinds_rules::check_settled() const {
  for (auto& [key, claim] : claims_) {
    if (volumes::bound(claim)) {
      check_bound(key, claim);
      continue;
    }
    for (auto& [volume_key, v] : volumes_)
      if (volumes::open(v) && volumes::suits(v, claim))
        fail("in the end " + key + " waits although " + volume_key + " is free");
  }
  for (auto& [key, v] : volumes_) {
    auto& ref = v.spec().claim_ref();
    auto claim = claims_.find("persistentvolumeclaims/" + ref.namespace_() + "/" + ref.name());
    bool there = claim != claims_.end() && claim->second.metadata().uid() == ref.uid();
    auto expected = ref.uid().empty() ? "Available" : there ? "Bound" : "Released";
    if (v.status().phase() != expected)
      fail("in the end " + key + " is " + v.status().phase() + " and not " + expected);
  }
}

// -- preemption -----------------------------------------------------------------------------------

/// Nobody is sent away for the sake of a pod that is not more important.
void kinds_rules::pod_changed(const pod_shape& is, nanoseconds now) {
  if (is.node.empty() && is.counts() && is.may_preempt) waiting_[is.priority] = now;
  if (!is.preempted || !preempted_.insert(is.uid).second) return;
  auto more_important = std::any_of(waiting_.upper_bound(is.priority), waiting_.end(),
                                    [&](auto& w) { return w.second + waiting_time_max >= now; });
  if (!more_important) fail(is.key + " was sent away for nobody who is more important");
}

} // namespace troupe::sim
