#include "actors/controllers/cron_job.hpp"

#include "actors/controllers/children.hpp"
#include "actors/controllers/cron_job_plan.hpp"

#include <fstream>
#include <iterator>

namespace troupe::controllers {

namespace {

using k8s::batch::v1::CronJob;
using k8s::batch::v1::Job;

struct job_view_of_cron {
  storage::entry_ptr entry;
  std::string_view key;
  bool going = false;
  Job job;

  static job_view_of_cron of(storage::entry_ptr entry) {
    job_view_of_cron v{entry, entry->key()};
    gateway::read_entry(*entry, v.job);
    v.job.mutable_metadata()->set_resource_version(std::to_string(entry->mod_revision()));
    v.going = v.job.metadata().has_deletion_timestamp();
    return v;
  }
};

class cron_job_controller : public reconciler {
public:
  cron_job_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "cronjob-controller"} {
    listen(kind, [this](auto& entry, bool gone) { hear_cron_job(entry, gone); });
    listen(jobs, [this](auto& entry, bool gone) {
      family.hear_child(entry, gone, [this](auto& key) { mark(key); });
    });
  }

private:
  void forget() override { family.clear(); }

  void hear_cron_job(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    if (gone) return family.erase_owner(key);
    auto m = metadata_of(*entry);
    // Jobs belong to a cron job by reference alone; it adopts none.
    family.put_owner(
        {key, m.namespace_(), m.uid(), label_selector::nothing(), m.has_deletion_timestamp()});
    mark(key);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    auto owner = family.owner(r.key);
    if (!entry || !owner) return;
    auto cj = load_as<CronJob>(kind, *entry);
    bool rests = cj->spec().suspend() || cj->metadata().has_deletion_timestamp();
    auto due = rests ? std::nullopt : schedule_of(r, *cj);
    cron_job_view view{*cj, {}, due ? &*due : nullptr, r.at};
    for (auto& [key, child] : family.of(owner->uid)) view.jobs.push_back(&child->job);
    k8s::core::v1::ObjectReference started;
    for (auto& action : plan(view))
      std::visit([&](auto& a) { act(a, r, *entry, *cj, started); }, action);
    if (!r.write.empty()) r.write.rely_on(*entry);
  }

  std::optional<schedule> schedule_of(round& r, const CronJob& cj) {
    auto times = cron::parse(cj.spec().schedule());
    if (!times) {
      r.events.note(kind, cj.metadata(), "Warning", "UnparseableSchedule",
                    "unparseable schedule: \"" + cj.spec().schedule() +
                        "\" : " + times.error().message);
      return {};
    }
    auto zone = zone_named(cj.spec().time_zone());
    if (!zone) {
      r.events.note(kind, cj.metadata(), "Warning", "UnknownTimeZone",
                    "invalid timeZone: \"" + cj.spec().time_zone() + "\": " + zone.error().message);
      return {};
    }
    return schedule{std::move(*times), std::move(*zone)};
  }

  result<time_zone> zone_named(const std::string& name) {
    if (name.empty() || name == "UTC" || name == "Etc/UTC") return time_zone{};
    if (auto known = zones.find(name); known != zones.end()) return known->second;
    if (auto fault = time_zone_fault(name); !fault.empty()) return error{errc::bad_request, fault};
    std::ifstream file(std::string(zones_directory) + name, std::ios::binary);
    if (!file) return error{errc::not_found, "unknown time zone; is tzdata installed here?"};
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    auto zone = time_zone::parse(bytes);
    if (zone && zones.size() < zones_max) zones.emplace(name, *zone);
    return zone;
  }

  using reference = k8s::core::v1::ObjectReference;

  void act(const create_job& a, round& r, const storage::entry&, const CronJob& cj,
           reference& started) {
    auto job = std::make_unique<Job>(a.job);
    *job->mutable_metadata()->add_owner_references() = controlled_by(kind, cj.metadata());
    auto made = r.write.create(jobs, std::move(job));
    if (!made) {
      r.events.note(kind, cj.metadata(), "Warning", "FailedCreate",
                    "Error creating job: " + made.error().message);
      return r.fail(made.error());
    }
    started.set_kind(jobs.name);
    started.set_api_version(jobs.api_version());
    started.set_namespace_(cj.metadata().namespace_());
    started.set_name(a.job.metadata().name());
    started.set_uid(metadata_of(**made).uid());
    r.events.note(kind, cj.metadata(), "Normal", "SuccessfulCreate",
                  "Created job " + a.job.metadata().name());
  }

  void act(const delete_job& a, round& r, const storage::entry&, const CronJob& cj, reference&) {
    auto entry = present(r, gateway::key_of(jobs, cj.metadata().namespace_(), a.name));
    if (!entry || r.write.touched(entry->key())) return;
    if (auto ok = r.write.remove(jobs, *entry, in_background()); !ok) {
      r.events.note(kind, cj.metadata(), "Warning", "FailedDelete",
                    "Deleted job: " + ok.error().message);
      return r.fail(ok.error());
    }
    r.events.note(kind, cj.metadata(), "Normal", a.reason, "Deleted job " + a.name);
  }

  void act(const set_cron_status& a, round& r, const storage::entry& entry, const CronJob& cj,
           reference& started) {
    if (r.failure) return; // not started: it is due still
    auto fresh = std::make_unique<CronJob>(cj);
    *fresh->mutable_status() = a.status;
    if (!started.name().empty()) *fresh->mutable_status()->add_active() = started;
    if (auto ok = r.write.update(kind, entry, std::move(fresh), "status"); !ok) r.fail(ok.error());
  }

  void act(const tell_cron& a, round& r, const storage::entry&, const CronJob& cj, reference&) {
    r.events.note(kind, cj.metadata(), a.type, a.reason, a.message);
  }

  void act(const await_due& a, round& r, const storage::entry&, const CronJob&, reference&) {
    r.again_at(a.at);
  }

  static constexpr size_t zones_max = 600;

  const schema::kind& kind = built_in("batch", "v1", "cronjobs");
  const schema::kind& jobs = built_in("batch", "v1", "jobs");
  controllers::family<job_view_of_cron> family{"CronJob", "batch/"};
  std::map<std::string, time_zone> zones;
};

} // namespace

controller_actor::behavior_type cron_jobs(controller_actor::pointer self, environment given) {
  return run<cron_job_controller>(self, std::move(given));
}

} // namespace troupe::controllers
