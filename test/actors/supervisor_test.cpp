// Who fails is begun again, ever more patiently; who is supervised ends with the supervisor.
#include "actors/supervisor.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <stdexcept>

using namespace troupe;
using std::chrono::milliseconds;

namespace {

struct config : caf::actor_system_config {
  config() {
    add_message_types<caf::id_block::troupe>();
    set("scheduler.policy", caf::atom("testing"));
  }
};

/// Plays until it is told to look: that it does not survive.
controller_actor::behavior_type frail(controller_actor::pointer self) {
  return {[self](resync_atom) { self->quit(caf::make_error(caf::sec::runtime_error, "frail")); },
          [](resync_atom, bool) {}};
}

struct stage {
  stage() {
    company = supervise(system, {play("a"), play("b")});
    run();
  }
  ~stage() {
    if (company) caf::anon_send_exit(company, caf::exit_reason::user_shutdown);
    company = nullptr;
    playing.clear();
    run();
  }

  part play(const std::string& name) {
    return {name, [this, name] {
              ++begun[name];
              playing[name] = system.spawn(frail);
              return caf::actor_cast<caf::actor>(playing[name]);
            }};
  }
  void fail(const std::string& name) {
    caf::anon_send(playing[name], resync_atom_v);
    run();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return static_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() { scheduler().run(); }
  void pass(milliseconds time) {
    scheduler().advance_time(time);
    run();
  }

  config given;
  caf::actor_system system{given};
  std::map<std::string, controller_actor> playing;
  std::map<std::string, int> begun;
  controller_actor company;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(supervisor_test, stage)

BOOST_AUTO_TEST_CASE(who_fails_is_begun_again_and_nobody_else) {
  fail("a");
  BOOST_TEST(begun["a"] == 1);
  pass(milliseconds{100});
  BOOST_TEST(begun["a"] == 2);
  BOOST_TEST(begun["b"] == 1);
  caf::anon_send_exit(playing["b"], caf::exit_reason::kill);
  run();
  pass(milliseconds{100});
  BOOST_TEST(begun["b"] == 2);
}

BOOST_AUTO_TEST_CASE(the_pause_grows_until_it_has_played_well) {
  for (auto pause : {100, 200, 400}) {
    int before = begun["a"];
    fail("a");
    pass(milliseconds{pause - 1});
    BOOST_TEST(begun["a"] == before);
    pass(milliseconds{1});
    BOOST_TEST(begun["a"] == before + 1);
  }
  pass(milliseconds{60'000});
  int before = begun["a"];
  fail("a");
  pass(milliseconds{100});
  BOOST_TEST(begun["a"] == before + 1);
}

BOOST_AUTO_TEST_CASE(all_end_with_it) {
  auto weak = caf::actor_cast<caf::weak_actor_ptr>(playing["b"]);
  auto strong = caf::actor_cast<caf::strong_actor_ptr>(playing["b"]);
  fail("a"); // and is not begun again
  caf::anon_send_exit(std::exchange(company, nullptr), caf::exit_reason::user_shutdown);
  run();
  pass(milliseconds{20'000});
  BOOST_TEST(begun["a"] == 1);
  auto state = static_cast<caf::monitorable_actor*>(strong->get());
  BOOST_TEST(state->getf(caf::monitorable_actor::is_terminated_flag));
}

BOOST_AUTO_TEST_SUITE_END()
