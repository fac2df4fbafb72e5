#include "actors/scheduler/scheduler.hpp"

#include "actors/controllers/recorder.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/insight/trace.hpp"
#include "actors/scheduler/core.hpp"
#include "actors/scheduler/profile_config.hpp"
#include "messages/base/log.hpp"

#include <mutex>

namespace troupe::scheduler {

namespace {

using controllers::environment;

constexpr size_t batch_max = 256;        // decisions in one transaction
constexpr size_t batches_on_the_way = 4; // then the store sets the pace
constexpr std::chrono::seconds follow_again{1};

class scheduler_shell {
public:
  scheduler_shell(controller_actor::pointer self, environment given)
      : self_{self}, given_{std::move(given)}, core_{given_.random()}, events_{
                                                                           given_,
                                                                           "default-scheduler"} {
    if (!given_.scheduler_config.empty()) {
      if (auto profiles = read_profiles(given_.scheduler_config))
        core_.use(std::move(*profiles));
      else
        log::error("scheduler", profiles.error().message);
    }
    auto tell = [this](void (core::*hear)(const storage::entry_ptr&, bool)) {
      return [this, hear](const storage::entry_ptr& e, bool gone) { (core_.*hear)(e, gone); };
    };
    sources_.push_back({"namespaces", tell(&core::hear_namespace), {}});
    sources_.push_back({"poddisruptionbudgets.policy", tell(&core::hear_budget), {}});
    sources_.push_back({"storageclasses.storage.k8s.io", tell(&core::hear_class), {}});
    sources_.push_back({"persistentvolumes", tell(&core::hear_volume), {}});
    sources_.push_back({"persistentvolumeclaims", tell(&core::hear_claim), {}});
    sources_.push_back({"csinodes.storage.k8s.io", tell(&core::hear_limits), {}});
    sources_.push_back({"nodes", tell(&core::hear_node), {}});
    sources_.push_back({"pods", tell(&core::hear_pod), {}});
  }

  /// Something has happened, or a time has come.
  void look() {
    settle();
    hear();
    while (on_the_way_.size() < batches_on_the_way) {
      auto decisions = core_.decide(batch_max, now());
      if (decisions.empty()) break;
      commit(std::move(decisions));
    }
    events_.publish(given_.store->current());
    arm();
  }

  void alarm() {
    armed_.reset();
    look();
  }

private:
  struct source {
    std::string resource;
    std::function<void(const storage::entry_ptr&, bool)> tell;
    std::optional<storage::watch> watch;
  };
  /// What came of transactions, handed over by the store's thread.
  struct inbox {
    std::mutex mutex;
    std::vector<std::pair<uint64_t, result<storage::outcome>>> done;
  };

  moment now() const { return self_->clock().now().time_since_epoch(); }

  void hear() {
    std::vector<storage::event_ptr> events;
    for (auto& s : sources_) {
      events.clear();
      if (!s.watch || !s.watch->read(events)) return begin_again();
      if (trace::on()) trace::heard(given_.name, events);
      for (auto& e : events) s.tell(e->now, e->what == storage::event::kind::erase);
    }
  }

  /// The first time, or too far behind: everything there is, and from there on its changes.
  void begin_again() {
    core_.forget();
    auto now = given_.store->current();
    std::vector<storage::event_ptr> events;
    for (auto& s : sources_) {
      s.watch.reset();
      auto made = given_.store->subscribe(
          {.resource = s.resource,
           .prefix = {},
           .after_revision = now.revision(),
           .wake = [self = controller_actor{self_}] { caf::anon_send(self, resync_atom_v); }});
      if (!made) {
        log::error("scheduler", "cannot follow a resource; trying again",
                   {{"resource", s.resource}, {"why", made.error().message}});
        self_->delayed_send(self_, follow_again, resync_atom_v);
        return;
      }
      s.watch.emplace(std::move(*made));
      for (auto& entry : now.list(s.resource + "/")) s.tell(&entry, false);
      events.clear();
      (void)s.watch->read(events); // arms it
      for (auto& e : events) s.tell(e->now, e->what == storage::event::kind::erase);
    }
  }

  void commit(std::vector<decision> decisions) {
    auto state = given_.store->current();
    storage::transaction tx;
    std::erase_if(decisions, [&](auto& d) {
      if (add(d, state, tx)) return false;
      core_.take_back(d, now());
      return true;
    });
    if (tx.mutations.empty()) return announce(decisions); // all of it stands there already
    auto number = next_number_++;
    on_the_way_.emplace(number, std::move(decisions));
    given_.store->commit(std::move(tx), [self = controller_actor{self_}, inbox = inbox_,
                                         number](result<storage::outcome> done) {
      {
        std::lock_guard lock{inbox->mutex};
        inbox->done.emplace_back(number, std::move(done));
      }
      caf::anon_send(self, resync_atom_v);
    });
  }

  /// All of a decision is written or nothing.
  bool add(const decision& d, const storage::snapshot& state, storage::transaction& tx) {
    auto mutations = tx.mutations.size(), preconditions = tx.preconditions.size();
    if (write(d, state, given_.now(), given_.random, tx)) return true;
    tx.mutations.resize(mutations);
    tx.preconditions.resize(preconditions);
    return false;
  }

  void settle() {
    decltype(inbox::done) done;
    {
      std::lock_guard lock{inbox_->mutex};
      done.swap(inbox_->done);
    }
    for (auto& [number, outcome] : done) {
      auto decisions = std::move(on_the_way_.extract(number).mapped());
      if (!outcome) {
        log::warn("scheduler", "decisions could not be written; trying again",
                  {{"why", outcome.error().message}});
        for (auto& d : decisions) core_.take_back(d, now());
      } else if (outcome->refused) {
        commit(std::move(decisions)); // one of the pods has changed: the others still hold
      } else {
        announce(decisions);
      }
    }
  }

  void announce(const std::vector<decision>& decisions) {
    for (auto& d : decisions) std::visit([this](auto& x) { announce(x); }, d);
  }

  void announce(const bind_pod& d) {
    note(*d.pod, "Normal", "Scheduled",
         "Successfully assigned " + std::string(d.pod->ns()) + "/" + std::string(d.pod->name()) +
             " to " + d.node,
         "Binding");
  }
  void announce(const await_volumes&) {}
  void announce(const drop_nomination&) {}
  void announce(const tell_pending& d) {
    if (d.reason == "Unschedulable")
      note(*d.pod, "Warning", "FailedScheduling", d.message, "Scheduling");
  }
  void announce(const preempt_pod& d) {
    note(*d.pod, "Normal", "Preempted", d.message, "Preempting");
  }

  void note(const pod_facts& pod, const char* type, const char* reason, std::string message,
            const char* action) {
    k8s::core::v1::ObjectReference about;
    about.set_api_version("v1");
    about.set_kind("Pod");
    about.set_namespace_(std::string(pod.ns()));
    about.set_name(std::string(pod.name()));
    about.set_uid(pod.uid);
    events_.note(std::move(about), type, reason, std::move(message), action);
  }

  void arm() {
    auto due = core_.wake(now());
    if (!core_.idle() && on_the_way_.empty()) due = now();
    if (!due || (armed_ && *armed_ <= *due)) return;
    armed_ = due;
    self_->delayed_send(self_, std::max(*due - now(), moment{1}), resync_atom_v, true);
  }

  controller_actor::pointer self_;
  environment given_;
  core core_;
  controllers::recorder events_;
  std::vector<source> sources_;
  std::map<uint64_t, std::vector<decision>> on_the_way_;
  uint64_t next_number_ = 1;
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  std::optional<moment> armed_;
};

} // namespace

controller_actor::behavior_type scheduler(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<scheduler_shell>(self, std::move(given));
  self->send(self, resync_atom_v);
  return {[state](resync_atom) { state->look(); }, [state](resync_atom, bool) { state->alarm(); }};
}

} // namespace troupe::scheduler
