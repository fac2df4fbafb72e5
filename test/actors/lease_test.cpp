// One of many leads: what a process does about a lease, on clocks that the test turns.
#include "actors/client/lease.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

std::string holder(const json::value& lease) {
  return std::string(json::string_at(lease, {"spec", "holderIdentity"}));
}

} // namespace

BOOST_AUTO_TEST_SUITE(lease_test)

BOOST_AUTO_TEST_CASE(whoever_is_first_makes_the_lease) {
  lease_keeper a{"ns", "boss", "a", 10s};
  auto step = a.look(nullptr, 0s, {100, 0});
  BOOST_TEST(step.create);
  BOOST_TEST(holder(step.lease) == "a");
  BOOST_TEST(json::string_at(step.lease, {"metadata", "name"}) == "boss");
}

BOOST_AUTO_TEST_CASE(the_holder_renews_and_others_wait) {
  lease_keeper a{"ns", "boss", "a", 10s}, b{"ns", "boss", "b", 10s};
  auto lease = a.look(nullptr, 0s, {100, 0}).lease;
  for (int second = 1; second < 60; second += 3) {
    auto other = b.look(&lease, std::chrono::seconds(second), {100 + second, 0});
    BOOST_TEST(!other.leads);
    BOOST_TEST(!other.write);
    auto own = a.look(&lease, std::chrono::seconds(second), {100 + second, 0});
    BOOST_TEST(own.leads);
    lease = own.lease;
  }
}

BOOST_AUTO_TEST_CASE(a_holder_that_is_silent_is_given_up_by_the_watchers_own_clock) {
  lease_keeper a{"ns", "boss", "a", 10s}, b{"ns", "boss", "b", 10s};
  // The holder's wall clock is a year ahead: it does not matter.
  auto lease = a.look(nullptr, 0s, {100 + 365 * 86'400, 0}).lease;
  BOOST_TEST(!b.look(&lease, 50s, {150, 0}).write); // seen for the first time
  BOOST_TEST(!b.look(&lease, 59s, {159, 0}).write);
  auto taken = b.look(&lease, 60s, {160, 0});
  BOOST_TEST(taken.write);
  BOOST_TEST(!taken.leads); // not before it is stored
  BOOST_TEST(holder(taken.lease) == "b");
  BOOST_TEST(b.look(&taken.lease, 61s, {161, 0}).leads);
  BOOST_TEST(!a.look(&taken.lease, 61s, {161, 0}).leads);
}

BOOST_AUTO_TEST_CASE(a_lease_that_was_let_go_is_free_at_once) {
  lease_keeper b{"ns", "boss", "b", 10s};
  auto lease =
      *json::parse(R"({"metadata":{"name":"boss","namespace":"ns"},"spec":{"holderIdentity":""}})");
  BOOST_TEST(b.look(&lease, 0s, {1, 0}).write);
}

BOOST_AUTO_TEST_SUITE_END()
