#include "actors/supervisor.hpp"
#include "actors/insight/metered.hpp"

#include "messages/base/log.hpp"

#include <algorithm>
#include <memory>

namespace troupe {

namespace {

constexpr std::chrono::milliseconds pause_first{100}, pause_max{10'000};
/// Who has played for so long has not failed again, but anew.
constexpr std::chrono::seconds well_after{60};

struct post {
  part what;
  caf::actor who; ///< none while it waits to be begun again
  caf::actor_clock::time_point begun{}, due{};
  std::chrono::milliseconds pause = pause_first;
};

struct supervisor_state {
  supervisor_state(controller_actor::pointer self, std::vector<post> company)
      : self{self}, company{std::move(company)} {
    for (auto& p : this->company) {
      p.begun = self->clock().now();
      self->monitor(p.who);
    }
    self->set_down_handler([this](caf::down_msg& gone) { down(gone); });
    self->set_exit_handler([this](caf::exit_msg& why) { end(why.reason); });
  }

  void down(const caf::down_msg& gone) {
    auto hit = std::find_if(company.begin(), company.end(),
                            [&](auto& p) { return p.who && p.who.address() == gone.source; });
    if (hit == company.end()) return;
    hit->who = nullptr;
    if (ending) return leave();
    auto now = self->clock().now();
    if (now - hit->begun >= well_after) hit->pause = pause_first;
    log::error("supervisor", "an actor has failed; it is begun again",
               {{"actor", hit->what.name},
                {"why", caf::to_string(gone.reason)},
                {"after_ms", hit->pause.count()}});
    hit->due = now + hit->pause;
    self->delayed_send(self, hit->pause, resync_atom_v);
    hit->pause = std::min(hit->pause * 2, pause_max);
  }

  /// Begins again who has waited long enough.
  void look() {
    auto now = self->clock().now();
    for (auto& p : company) {
      if (ending || p.who || p.due > now) continue;
      p.who = p.what.begin();
      p.begun = now;
      self->monitor(p.who);
    }
  }

  void end(const caf::error& reason) {
    ending = true;
    why = reason;
    for (auto& p : company)
      if (p.who) caf::anon_send_exit(p.who, caf::exit_reason::user_shutdown);
    leave();
  }

  void leave() {
    if (std::none_of(company.begin(), company.end(), [](auto& p) { return bool(p.who); }))
      self->quit(why);
  }

  controller_actor::pointer self;
  std::vector<post> company;
  bool ending = false;
  caf::error why;
};

controller_actor::behavior_type supervisor(controller_actor::pointer self,
                                           std::vector<post> company) {
  auto state = std::make_shared<supervisor_state>(self, std::move(company));
  return {[state](resync_atom) { state->look(); }, [state](resync_atom, bool) { state->look(); }};
}

} // namespace

controller_actor supervise(caf::actor_system& system, std::vector<part> parts) {
  std::vector<post> company;
  for (auto& p : parts) {
    auto who = p.begin();
    company.push_back({std::move(p), std::move(who)});
  }
  return insight::spawn(system, supervisor, std::move(company));
}

} // namespace troupe
