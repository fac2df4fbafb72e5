#include "messages/base/versions.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(versions_test)

BOOST_AUTO_TEST_CASE(settled_versions_go_first_and_newer_ones_before_older) {
  std::vector<std::string> wanted{"v10",      "v2",      "v1",        "v11beta2",
                                  "v10beta3", "v3beta1", "v12alpha1", "v11alpha2",
                                  "foo1",     "foo10",   "v1gamma1",  "v1x"};
  auto sorted = wanted;
  std::reverse(sorted.begin(), sorted.end());
  std::sort(sorted.begin(), sorted.end(), troupe::version_before);
  BOOST_TEST(sorted == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
