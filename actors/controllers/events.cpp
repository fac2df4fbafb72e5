#include "actors/controllers/events.hpp"

#include "messages/api/event.pb.h"

#include <algorithm>

namespace troupe::controllers {

namespace {

constexpr std::chrono::minutes look_again{5};
constexpr size_t erased_at_once = 2'000;
constexpr const char* prefix = "events/";

event_view view_of(const storage::entry& entry) {
  k8s::core::v1::Event e;
  e.ParsePartialFromArray(entry.value().data(), static_cast<int>(entry.value().size()));
  return {std::string(entry.key()),
          std::max({e.last_timestamp().seconds(), e.event_time().seconds(),
                    e.series().last_observed_time().seconds(),
                    e.metadata().creation_timestamp().seconds()})};
}

struct events_state {
  events_state(controller_actor::pointer self, environment given)
      : self{self}, given{std::move(given)}, changes{*this->given.store, "events",
                                                     controller_actor{self}} {}

  /// An event was told: there will be something to forget.
  void heard() {
    if (std::exchange(armed, true)) return; // it is not drained: nobody wakes us until we look
    self->delayed_send(self, look_again, resync_atom_v, true);
  }

  void look() {
    armed = false;
    changes.drain();
    auto now = given.store->current();
    std::vector<event_view> all;
    for (auto& entry : now.list(prefix)) all.push_back(view_of(entry));
    storage::transaction tx;
    tx.frees_space = true;
    for (auto& key : plan(all, given.now(), erased_at_once)) tx.erase(key);
    if (!all.empty()) heard();
    // Whatever somebody else has erased meanwhile, the next look sees.
    if (!tx.mutations.empty()) given.store->commit(std::move(tx), [](auto) {});
  }

  controller_actor::pointer self;
  environment given;
  ear changes;
  bool armed = false;
};

} // namespace

controller_actor::behavior_type events(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<events_state>(self, std::move(given));
  self->send(self, resync_atom_v, true);
  return {[state](resync_atom) { state->heard(); }, [state](resync_atom, bool) { state->look(); }};
}

} // namespace troupe::controllers
