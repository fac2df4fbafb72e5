// What a manager owns, kept as text, changes as sets do.
#include "messages/patch/owned_fields.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace troupe::patch;

namespace {

/// A set of a few places below each other, so that two of them often have something in common.
field_set some_set(std::mt19937& random, int depth = 3) {
  field_set out;
  for (auto key : {"f:a", "f:b", "k:{\"name\":\"x\"}", "v:1"}) {
    if (random() % 2) continue;
    field_set below;
    if (depth > 0 && random() % 2) below = some_set(random, depth - 1);
    if (below.below.empty() || random() % 2) below.self = true;
    out.below.emplace(key, std::move(below));
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(owned_fields_test)

BOOST_AUTO_TEST_CASE(taking_and_giving_are_those_of_sets) {
  constexpr unsigned seed = 7;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 2'000; ++i) {
    auto mine = some_set(random), other = some_set(random);
    owned_fields kept(write_fields(mine)), given = kept;
    kept.take(other);
    BOOST_TEST(kept.text() == write_fields(subtract(mine, other)));
    given.give(other);
    BOOST_TEST(given.text() == write_fields(unite(mine, other)));
    given.take(unite(mine, other));
    BOOST_TEST(given.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_text_that_others_wrote_in_their_own_order_changes_as_well) {
  field_set more = read_fields(R"({"f:b":{"f:x":{}}})"), less = read_fields(R"({"f:c":{}})");
  for (auto text :
       {R"({"f:c":{},"f:b":{".":{}}})", R"({ "f:b": {}, "f:c": {} })", R"({"f:b":{},"f:c":[]})"}) {
    owned_fields kept((std::string(text)));
    kept.give(more);
    kept.take(less);
    BOOST_TEST(kept.text() == R"({"f:b":{".":{},"f:x":{}}})", text);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_object_owns_nothing) {
  for (auto text : {"", "[]", "{\"f:a\":", "{} {}", "null"}) {
    owned_fields broken((std::string(text)));
    BOOST_TEST(broken.empty(), text);
    BOOST_TEST(broken.text() == "{}", text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
