#include "actors/insight/actor_card.hpp"

#include "actors/insight/metered.hpp"
#include "messages/interfaces.hpp"

#include <chrono>

namespace troupe::insight {

namespace {

constexpr std::chrono::seconds answer_within{2};

/// What its mailbox looks like, if somebody counts.
void add_mailbox(json::object& card, const caf::strong_actor_ptr& who) {
  auto counted = dynamic_cast<const metered_actor*>(who->get());
  if (!counted) return;
  auto now = counted->meter().read();
  json::object box{{"waiting", now.waiting},
                   {"oldestWaitsMicroseconds", now.oldest_waits.count()},
                   {"handled", now.handled},
                   {"handledPerSecond", now.per_second},
                   {"answersAwaited", now.answers_awaited}};
  if (!now.works_on.empty()) {
    box["worksOn"] = now.works_on;
    box["worksForMicroseconds"] = now.works_for.count();
  }
  card["mailbox"] = std::move(box);
}

} // namespace

json::object card_of(const directory::row& r) {
  return {{"name", r.name}, {"supervisor", r.supervisor}, {"alive", bool(r.who.lock())}};
}

void ask_actor(const directory::row& r, std::function<void(json::object)> done) {
  auto told = card_of(r);
  auto who = r.who.lock();
  if (!who) return done(std::move(told));
  add_mailbox(told, who); // before our own question comes
  auto begun = std::chrono::steady_clock::now();
  auto note = [told, begun, done = std::move(done)](bool answered, const std::string& kind) {
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begun);
    auto all = told;
    all["answers"] = answered;
    all["waitedMicroseconds"] = took.count();
    if (!kind.empty()) all["kind"] = kind;
    done(std::move(all));
  };
  auto ask = [note](caf::event_based_actor* self, const caf::actor& whom) {
    self->request(whom, answer_within, caf::sys_atom_v, caf::get_atom_v, std::string("info"))
        .then([=](caf::ok_atom, const std::string&, const caf::strong_actor_ptr&,
                  const std::string& kind) { note(true, kind); },
              [=](const caf::error& why) { note(why != caf::sec::request_timeout, {}); });
  };
  // An argument rather than a capture: without any, CAF 0.17 dereferences a null pointer to them.
  who->home_system->spawn(ask, caf::actor_cast<caf::actor>(who));
}

result<void> tell_actor(const directory::row& r, std::string_view word) {
  auto who = r.who.lock();
  if (word != "resync" || !r.resyncs || !who)
    return error{errc::bad_request, r.name + " does not take the word \"" + std::string(word) +
                                        "\"" + (r.resyncs ? "; it takes resync" : "")};
  caf::anon_send(caf::actor_cast<caf::actor>(who), resync_atom_v);
  return {};
}

} // namespace troupe::insight
