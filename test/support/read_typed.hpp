// Typed objects from the texts of tests.
#pragma once

#include "actors/client/subscription.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace troupe::test {

template<class Object> Object read_typed(const std::string& text) {
  auto tree = json::parse(text);
  BOOST_REQUIRE(tree);
  Object out;
  auto done = client::read_object(out, *tree);
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  return out;
}

} // namespace troupe::test
