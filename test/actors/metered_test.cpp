#include "actors/insight/metered.hpp"
#include "messages/interfaces.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>

#include <future>

BOOST_AUTO_TEST_SUITE(metered_test)

using namespace troupe;
using insight::mailbox_meter;

namespace {

/// Works on each resync until it is let go on.
struct slow_worker {
  std::promise<void> begun, go_on;
};
caf::behavior play(caf::event_based_actor* self, slow_worker* work, caf::actor other) {
  return {[self, work, other](resync_atom) {
            self->request(other, caf::infinite, told_atom_v).then([] {});
            work->begun.set_value();
            work->go_on.get_future().wait();
          },
          [](elapsed_atom) {}, [self](told_atom) { self->quit(); }};
}

mailbox_meter::reading look(const caf::actor& who) {
  auto counted = dynamic_cast<const insight::metered_actor*>(
      caf::actor_cast<caf::strong_actor_ptr>(who)->get());
  BOOST_REQUIRE(counted);
  return counted->meter().read();
}

} // namespace

BOOST_AUTO_TEST_CASE(what_waits_and_what_is_worked_on_can_be_seen) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  slow_worker work;
  auto silent = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](told_atom) { return self->make_response_promise(); }};
  });
  auto worker = insight::spawn(system, play, &work, silent);
  caf::anon_send(worker, resync_atom_v);
  work.begun.get_future().wait();
  for (int i = 0; i < 5; ++i) caf::anon_send(worker, elapsed_atom_v);
  auto busy = look(worker);
  BOOST_TEST(busy.waiting == 5u);
  BOOST_TEST(busy.works_on == caf::to_string(static_cast<caf::atom_value>(resync_atom_v)));
  BOOST_TEST(busy.handled == 0u);
  work.go_on.set_value();
  { // every message behind those has been handled once this one is answered
    caf::scoped_actor asker{system};
    asker->request(worker, caf::infinite, caf::sys_atom_v, caf::get_atom_v, std::string("info"))
        .receive([](caf::ok_atom, const std::string&, const caf::strong_actor_ptr&,
                    const std::string&) {},
                 [](const caf::error&) { BOOST_ERROR("no answer"); });
  }
  auto idle = look(worker);
  BOOST_TEST(idle.waiting == 0u);
  BOOST_TEST(idle.handled >= 6u);
  BOOST_TEST(idle.answers_awaited == 1u);
  caf::anon_send_exit(silent, caf::exit_reason::user_shutdown);
  caf::anon_send(worker, told_atom_v);
}

BOOST_AUTO_TEST_SUITE_END()
