// Who goes first, and who does while serving those.
#include "messages/base/haste.hpp"

#include <boost/test/unit_test.hpp>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace troupe;

namespace {

int niceness(pid_t thread = 0) { return getpriority(PRIO_PROCESS, static_cast<id_t>(thread)); }

/// Tells why not, if the machine does not let it.
bool may_hurry() {
  bool may = false;
  std::thread([&] {
    go_first();
    may = niceness() < 0;
  }).join();
  if (!may) BOOST_TEST_MESSAGE("left out: threads may not be raised here");
  return may;
}

} // namespace

BOOST_AUTO_TEST_SUITE(haste_test)

BOOST_AUTO_TEST_CASE(one_thread_goes_first_and_no_other) {
  const auto usual = niceness();
  if (!may_hurry()) return;
  BOOST_TEST(niceness() == usual);
}

BOOST_AUTO_TEST_CASE(who_serves_is_as_hasty_as_who_asks) {
  const auto usual = niceness();
  if (!may_hurry()) return;
  lent_haste lent;
  lent.serve_here();
  const auto server = gettid();
  lent.lend(); // this thread is in no hurry
  BOOST_TEST(niceness() == usual);
  std::thread([&] {
    go_first();
    lent.lend();
  }).join();
  BOOST_TEST(niceness(server) < 0);
  lent.give_back();
  BOOST_TEST(niceness() == usual);
  lent.give_back();
  BOOST_TEST(niceness() == usual);
}

BOOST_AUTO_TEST_SUITE_END()
