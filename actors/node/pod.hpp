// POD: runs one pod. It looks at the facts and at what has happened, asks pod_plan what is next,
// and has it done: blocking work on the pool, waiting on the loop, all answers through its inbox.
#pragma once

#include "actors/node/context.hpp"
#include "actors/node/disk_use.hpp"
#include "actors/node/images/pull.hpp"
#include "actors/node/place.hpp"
#include "actors/node/pod_plan.hpp"
#include "actors/node/probes/prober.hpp"
#include "actors/node/start.hpp"
#include "actors/runtime/shim_client.hpp"
#include "messages/interfaces.hpp"

namespace troupe::node {

class pod_state;

/// What has happened to a pod, as things to do in its actor. Any thread puts, the actor takes.
class pod_inbox {
public:
  explicit pod_inbox(pod_actor to) : to_{std::move(to)} {}
  void put(std::function<void(pod_state&)> what);
  std::vector<std::function<void(pod_state&)>> take();
  /// The actor is gone: nothing is taken any more.
  void close();

private:
  std::mutex mutex_;
  pod_actor to_;
  bool closed_ = false;
  std::vector<std::function<void(pod_state&)>> waiting_;
};

class pod_state {
public:
  pod_state(pod_actor::pointer self, context_ptr with, std::shared_ptr<const Pod> pod);

  ~pod_state() { inbox_->close(); }

  /// Takes over what an earlier process has left running.
  void adopt();
  /// The facts may have changed.
  void told();
  /// Hears what waits, decides, acts, reports.
  void step();
  void elapsed(uint64_t number);

private:
  using inbox_ptr = std::shared_ptr<pod_inbox>;

  moment now() const;
  timestamp wall() const { return with_->given.now(); }
  const std::string& uid() const { return pod_->metadata().uid(); }
  container_record& record_of(const std::string& name) { return *record_.find(name); }

  // Carrying out what was decided: pod_place.cpp, pod_containers.cpp, pod_hooks.cpp.
  // Told to whoever traces.
  std::string directory_name() const;
  std::string key() const;
  void trace_step(const pod_action& action) const;

  void carry_out(const prepare_place&);
  void carry_out(const prepare_volumes&);
  void carry_out(const get_image&);
  void carry_out(const back_off_image&);
  void carry_out(const start_container&);
  void carry_out(const run_hook&);
  void carry_out(const signal_container&);
  void carry_out(const ask_probe&);
  void carry_out(const release_place&);
  void carry_out(const remove_pod&);
  void carry_out(const tell_stopped&);

  void place_made(const result<pod_place>& made);
  void volumes_made(const result<volume_places>& made);
  bool ask_for_tokens();
  void token_came(const token_request& what, const cluster::Token& token);
  void refresh_volumes();
  void tell_image_failure(const std::string& container, const std::string& wanted,
                          const image_answer& got);
  void image_came(const std::string& container, const std::string& wanted, const image_answer& got,
                  timestamp asked);
  void container_started_now(const std::string& container, const container_started& how);
  void container_failed(const std::string& container, const start_failure& why);
  void hook_ended(const std::string& container, hook which, const probe_answer& answer);
  void probe_ended(const std::string& container, probe_kind kind, int attempt,
                   const probe_answer& answer);
  void take_away(bool everything);

  // What the shim tells.
  void watch_shim();
  void exited(const std::string& id);
  void collect_end(const std::string& container);
  void ended(const std::string& container, const std::string& id, ending how);
  void shim_lost();

  // pod.cpp: deciding and telling.
  bool shows_what_was_told(const Pod& shown) const;
  void look_at_mirror();
  void report();
  void look_at_disk();
  std::optional<moment> disk_wake() const;
  void arm(std::optional<moment> wake);
  void tell(const std::string& container, bool warning, const std::string& reason,
            const std::string& message);
  std::optional<moment> token_wake() const;

  /// Runs `job` on the pool and what it returns here.
  template<class Job, class Then> void do_blocking(Job job, Then then) {
    with_->work.run([inbox = inbox_, job = std::move(job), then = std::move(then)]() mutable {
      auto out = std::make_shared<decltype(job())>(job());
      inbox->put([out, then = std::move(then)](pod_state& s) mutable { then(s, std::move(*out)); });
    });
  }

  pod_actor::pointer self_;
  context_ptr with_;
  std::shared_ptr<const Pod> pod_;
  inbox_ptr inbox_;
  pod_record record_;
  place_view place_;
  volume_places volumes_;
  std::map<std::string, image_ptr> images_;         ///< for the coming start, by container
  std::map<std::string, std::string> stop_signals_; ///< of images, by container
  std::set<std::string> early_exits_;               ///< heard before the start was
  token_book tokens_;
  std::set<token_request> tokens_asked_;
  bool refreshing_ = false, refresh_again_ = false;
  std::shared_ptr<runtime::shim_stream> watch_;
  disk_limits disk_limits_;
  bool looking_at_disk_ = false;
  moment next_disk_look_{};
  std::string reported_;
  bool taking_over_ = false; ///< what runs already; its place is not found again yet
  std::string mirror_uid_;   ///< of the object that shows a static pod
  uint64_t timer_ = 0;
  std::optional<moment> armed_for_;
  std::string config_error_; ///< the last that was told as an event
};

pod_actor::behavior_type pod(pod_actor::stateful_pointer<std::unique_ptr<pod_state>> self,
                             context_ptr with, std::shared_ptr<const Pod> first, bool adopted);

/// The signal's number by its name ("SIGTERM", "TERM", "15", "SIGRTMIN+3"); 15 if unknown.
int signal_number(const std::string& name);

} // namespace troupe::node
