// Which images go when a disk is too full.
#include "actors/node/images/garbage.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(image_garbage_test)

using namespace troupe::node;
using namespace std::chrono_literals;
using names = std::vector<std::string>;

namespace {

std::shared_ptr<const image> make(const std::string& id, uint64_t bytes, bool pulled = true) {
  auto out = std::make_shared<image>();
  out->id = id;
  out->bytes = bytes;
  out->pulled = pulled;
  return out;
}

constexpr disk_room at_most{1000, 150}, full{1000, 50};

} // namespace

BOOST_AUTO_TEST_CASE(nothing_goes_while_there_is_room) {
  image_garbage g({.percent_high = 86, .percent_low = 50});
  BOOST_TEST(g.look({make("a", 100)}, {}, at_most, 0s).empty());
  BOOST_TEST(g.look({make("a", 100)}, {}, at_most, 1h).empty());
}

BOOST_AUTO_TEST_CASE(those_go_that_were_needed_longest_ago_and_no_more_than_must) {
  image_garbage g({.percent_high = 85, .percent_low = 80});
  auto a = make("a", 100), b = make("b", 100), c = make("c", 100);
  BOOST_TEST(g.look({a, b, c}, {"a", "b", "c"}, at_most, 0s).empty());
  BOOST_TEST(g.look({a, b, c}, {"a", "c"}, at_most, 1h).empty() == false); // b alone can go
  BOOST_TEST((g.look({a, b, c}, {"a"}, {1000, 900}, 2h).empty()));
  // 950 are used and 800 may be: two of a hundred must go.
  BOOST_TEST((g.look({a, b, c}, {}, full, 3h) == names{"b", "c"}));
  BOOST_TEST((g.look({a, b, c}, {"b"}, full, 4h) == names{"c", "a"}));
}

BOOST_AUTO_TEST_CASE(what_is_needed_young_or_put_there_by_hand_stays) {
  image_garbage g({.percent_high = 85, .percent_low = 0, .age_min = 120s});
  auto needed = make("needed", 1), old = make("old", 1), by_hand = make("by hand", 1, false);
  g.look({needed, old, by_hand}, {"needed"}, full, 0s);
  auto young = make("young", 1);
  g.look({needed, old, by_hand, young}, {"needed"}, {1000, 900}, 100s);
  BOOST_TEST((g.look({needed, old, by_hand, young}, {"needed"}, full, 150s) == names{"old"}));
  BOOST_TEST((g.look({needed, by_hand, young}, {"needed"}, full, 220s) == names{"young"}));
}

BOOST_AUTO_TEST_CASE(an_image_that_went_and_came_back_is_young) {
  image_garbage g({.percent_high = 85, .percent_low = 0, .age_min = 120s});
  g.look({make("a", 1)}, {}, full, 0s);
  g.look({}, {}, full, 100s);
  BOOST_TEST(g.look({make("a", 1)}, {}, full, 130s).empty());
}

BOOST_AUTO_TEST_CASE(a_disk_that_tells_nothing_costs_no_image) {
  image_garbage g({.age_min = 0s});
  BOOST_TEST(g.look({make("a", 1)}, {}, {0, 0}, 1h).empty());
  BOOST_TEST(g.look({make("a", 1)}, {}, {100, 200}, 1h).empty());
}

BOOST_AUTO_TEST_SUITE_END()
