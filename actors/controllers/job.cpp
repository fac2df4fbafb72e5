#include "actors/controllers/job.hpp"

#include "actors/controllers/children.hpp"
#include "actors/controllers/job_plan.hpp"

namespace troupe::controllers {

namespace {

using k8s::batch::v1::Job;
using k8s::core::v1::Pod;

class job_controller : public reconciler {
public:
  job_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "job-controller"} {
    listen(kind, [this](auto& entry, bool gone) { hear_job(entry, gone); });
    listen(pods, [this](const change& c) { hear_pod(c); });
  }

private:
  void forget() override {
    family.clear();
    past.clear();
  }

  void hear_job(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    if (gone) {
      if (auto o = family.owner(key)) {
        // Its pods are let go, or they would wait for it for ever.
        for (auto& [pod, view] : family.of(o->uid)) mark(pod);
        past.erase(o->uid);
        family.erase_owner(key);
      }
      return;
    }
    Job job;
    gateway::read_entry(*entry, job);
    auto selector = label_selector::from(job.spec().selector());
    family.put_owner({key, job.metadata().namespace_(), job.metadata().uid(),
                      selector && !selector->empty() ? *selector : label_selector::nothing(),
                      job.metadata().has_deletion_timestamp()});
    mark(key);
  }

  void hear_pod(const change& c) {
    family.hear_child(c.entry, c.gone, [this](auto& key) { mark(key); });
    auto owner = controller_of(c.entry->value());
    if (!owner || owner->kind != kind.name) return;
    std::string uid(owner->uid);
    if (!family.key_of(uid)) {
      if (!c.gone) mark(c.entry->key()); // told before its job, or left by one
    } else if (c.before) {
      // Let go when it had ended: that is a success or a failure, whether it stays there or not.
      auto held = [](auto& e) { return e.value().find(tracking_finalizer) != std::string::npos; };
      if (!held(*c.before) || (!c.gone && held(*c.entry))) return;
      auto was = job_pod::of(c.before);
      if (was.finished() || was.going) past[uid].note(was);
    }
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    if (!entry) return;
    if (!r.key.starts_with(prefix)) return let_go(r, *entry);
    auto owner = family.owner(r.key);
    if (!owner) return;
    auto job = load_as<Job>(kind, *entry);
    auto claims = family.claimed_by(*owner);
    if (settle_claims<job_pod>(r, claims, pods, kind, job->metadata())) return;
    job_view view{*job, std::move(claims.mine), r.at, {}};
    if (auto known = past.find(owner->uid); known != past.end()) view.past = known->second;
    for (auto& action : plan(view)) std::visit([&](auto& a) { act(a, r, *entry, *job); }, action);
    if (!r.write.empty()) r.write.rely_on(*entry);
  }

  /// A pod whose job is gone holds on to nothing.
  void let_go(round& r, const storage::entry& entry) {
    auto owner = controller_of(entry.value());
    if (!owner || family.key_of(std::string(owner->uid))) return;
    drop_finalizer(r, entry);
  }

  void drop_finalizer(round& r, const storage::entry& entry) {
    auto pod = load_as<Pod>(pods, entry);
    auto& all = *pod->mutable_metadata()->mutable_finalizers();
    auto hit = std::find(all.begin(), all.end(), tracking_finalizer);
    if (hit == all.end()) return;
    all.erase(hit);
    if (auto ok = r.write.update(pods, entry, std::move(pod)); !ok) r.fail(ok.error());
  }

  void act(const untrack_worker& a, round& r, const storage::entry&, const Job&) {
    if (auto entry = present(r, a.pod->key)) drop_finalizer(r, *entry);
  }

  void act(const delete_worker& a, round& r, const storage::entry&, const Job& job) {
    auto entry = present(r, a.pod->key);
    if (!entry) return;
    if (auto ok = r.write.remove(pods, *entry); !ok) return r.fail(ok.error());
    r.events.note(kind, job.metadata(), "Normal", "SuccessfulDelete",
                  "Deleted pod: " + std::string(a.pod->name));
  }

  void act(const create_worker& a, round& r, const storage::entry&, const Job& job) {
    if (r.failure) return;
    auto pod = pod_from(job.spec().template_(), kind, job.metadata());
    pod->mutable_metadata()->add_finalizers(tracking_finalizer);
    if (a.index >= 0)
      give_index(*pod, job.metadata().name(), a.index,
                 job.spec().has_backoff_limit_per_index() ? &a.index_failures : nullptr);
    auto made = r.write.create(pods, std::move(pod));
    if (!made) {
      r.events.note(kind, job.metadata(), "Warning", "FailedCreate",
                    "Error creating: " + made.error().message);
      return r.fail(made.error());
    }
    r.events.note(kind, job.metadata(), "Normal", "SuccessfulCreate",
                  "Created pod: " + std::string(gateway::split_key((*made)->key()).name));
  }

  void act(const set_job_status& a, round& r, const storage::entry& entry, const Job& job) {
    auto fresh = std::make_unique<Job>(job);
    *fresh->mutable_status() = a.status;
    // Pods that were refused are not there: they are counted when they are.
    if (r.failure) fresh->mutable_status()->set_active(job.status().active());
    if (auto ok = r.write.update(kind, entry, std::move(fresh), "status"); !ok) r.fail(ok.error());
  }

  void act(const tell_job& a, round& r, const storage::entry&, const Job& job) {
    r.events.note(kind, job.metadata(), a.type, a.reason.c_str(), a.message);
  }

  void act(const await_job& a, round& r, const storage::entry&, const Job&) { r.again_at(a.at); }

  const schema::kind& kind = built_in("batch", "v1", "jobs");
  const schema::kind& pods = built_in("", "v1", "pods");
  const std::string prefix = gateway::prefix_of(kind);
  controllers::family<job_pod> family{"Job", "batch/"};
  std::unordered_map<std::string, job_past> past; ///< by the job's uid
};

} // namespace

controller_actor::behavior_type jobs(controller_actor::pointer self, environment given) {
  return run<job_controller>(self, std::move(given));
}

} // namespace troupe::controllers
