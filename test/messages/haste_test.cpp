// Who goes first, and who does while serving those.
#include "messages/base/haste.hpp"

#include <boost/test/unit_test.hpp>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

using namespace troupe;

namespace {

int niceness(pid_t thread = 0) { return getpriority(PRIO_PROCESS, static_cast<id_t>(thread)); }
bool goes_at_once() { return (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_FIFO; }

/// Where no thread may go at once, a hasty one is less nice.
bool hasty() { return goes_at_once() || niceness() < 0; }

/// Tells why not, if the machine does not let it.
bool may_hurry() {
  bool may = false;
  std::thread([&] {
    go_first();
    may = hasty();
  }).join();
  if (!may) BOOST_TEST_MESSAGE("left out: threads may not be raised here");
  return may;
}

/// Groups of processes may have no share of real time.
bool may_go_at_once() {
  bool may = false;
  std::thread([&] {
    const sched_param least{1};
    may = sched_setscheduler(0, SCHED_FIFO, &least) == 0;
  }).join();
  if (!may) BOOST_TEST_MESSAGE("left out: no thread may go before all others here");
  return may;
}

/// A thread that goes first asks for something.
void ask_in_haste(haste& of) {
  std::thread([&] {
    go_first();
    of.ask();
  }).join();
}

} // namespace

BOOST_AUTO_TEST_SUITE(haste_test)

BOOST_AUTO_TEST_CASE(one_thread_goes_first_and_no_other) {
  const auto usual = niceness();
  if (!may_hurry()) return;
  BOOST_TEST(!hasty());
  BOOST_TEST(niceness() == usual);
}

BOOST_AUTO_TEST_CASE(short_turns_are_no_haste) {
  const auto usual = niceness();
  std::thread([&] {
    take_short_turns();
    BOOST_TEST(!hasty());
    BOOST_TEST(niceness() == usual);
    struct {
      uint32_t size, policy;
      uint64_t flags;
      int32_t niceness;
      uint32_t priority;
      uint64_t turn_ns, deadline, period;
    } now{};
    BOOST_REQUIRE(syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0);
    if (now.turn_ns == 0)
      BOOST_TEST_MESSAGE("left out: this system knows no turns");
    else
      BOOST_TEST(now.turn_ns == 100'000);
  }).join();
}

BOOST_AUTO_TEST_CASE(who_serves_is_as_hasty_as_who_asks) {
  const auto usual = niceness();
  if (!may_hurry()) return;
  haste own;
  own.of_this_thread();
  own.ask(); // this thread is in no hurry
  BOOST_TEST(!hasty());
  ask_in_haste(own);
  BOOST_TEST(hasty());
  own.lower(haste::asked);
  BOOST_TEST(!hasty());
  BOOST_TEST(niceness() == usual);
  own.lower(haste::asked);
  BOOST_TEST(!hasty());
}

BOOST_AUTO_TEST_CASE(whom_all_writers_wait_for_goes_at_once_until_they_are_answered) {
  const auto usual = niceness();
  if (!may_hurry() || !may_go_at_once()) return;
  haste own;
  own.raise(haste::writing); // of no thread yet
  BOOST_TEST(!goes_at_once());
  own.of_this_thread();
  own.raise(haste::writing);
  BOOST_TEST(goes_at_once());
  ask_in_haste(own);
  BOOST_TEST(goes_at_once());
  own.lower(haste::writing);
  BOOST_TEST(goes_at_once()); // one reason is left
  own.lower(haste::asked);
  BOOST_TEST(!goes_at_once());
  BOOST_TEST(niceness() == usual);
}

BOOST_AUTO_TEST_SUITE_END()
