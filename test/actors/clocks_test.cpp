// Whose clock is off, by what the members of a group say.
#include "actors/raft/clocks.hpp"

#include <boost/test/unit_test.hpp>

using troupe::raft::clock_book;

namespace {

constexpr int64_t day = 24 * 3'600'000;

clock_book heard(std::initializer_list<int64_t> ahead) {
  clock_book out;
  uint64_t id = 0;
  for (auto x : ahead) out.heard(++id, x);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(clocks_test)

BOOST_AUTO_TEST_CASE(who_differs_from_most_is_off) {
  auto book = heard({0, 400 * day, 2'000});
  BOOST_TEST(*book.ahead(1) == 0);
  BOOST_TEST(*book.ahead(2) == 400 * day - 2'000);
  BOOST_TEST(*book.ahead(3) == 0);
}

BOOST_AUTO_TEST_CASE(it_may_be_the_leader_itself) {
  auto book = heard({0, -day, -day});
  BOOST_TEST(*book.ahead(1) == day);
  BOOST_TEST(*book.ahead(2) == 0);
}

BOOST_AUTO_TEST_CASE(without_a_majority_nobody_knows) {
  auto two = heard({0, day});
  BOOST_TEST(!two.ahead(1).has_value());
  BOOST_TEST(!heard({0, day, 2 * day}).ahead(3).has_value());
  BOOST_TEST(!heard({0, 0}).ahead(7).has_value());
  BOOST_TEST(*heard({0}).ahead(1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
