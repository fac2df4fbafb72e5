// What starting needed of the program's code is given back, and comes again when it is needed.
#include "bin/code_pages.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

using namespace troupe;

namespace {

/// How much of files is in this process's memory.
long file_kib() {
  std::ifstream in("/proc/self/status");
  for (std::string word; in >> word;)
    if (word == "RssFile:") {
      long kib = 0;
      in >> kib;
      return kib;
    }
  return -1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(code_pages_test)

BOOST_AUTO_TEST_CASE(code_is_given_back_and_still_runs) {
  const auto before = file_kib();
  give_back_code();
  const auto after = file_kib();
  BOOST_TEST_MESSAGE(before << " KiB before, " << after << " KiB after");
  BOOST_TEST(after > 0);
  BOOST_TEST(after < before);
}

BOOST_AUTO_TEST_SUITE_END()
