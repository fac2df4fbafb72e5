// The checksum against its published vectors, and the fast form against the plain one.
#include "storage/crc32c.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using namespace troupe::storage;

BOOST_AUTO_TEST_SUITE(crc32c_test)

BOOST_AUTO_TEST_CASE(published_vectors_hold) { // RFC 3720, B.4
  BOOST_TEST(crc32c("123456789") == 0xE3069283u);
  BOOST_TEST(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  BOOST_TEST(crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
}

BOOST_AUTO_TEST_CASE(both_forms_agree_and_continue_from_a_seed) {
  std::mt19937_64 random{3};
  for (size_t size = 0; size < 200; ++size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text.push_back(static_cast<char>(random()));
    BOOST_TEST(crc32c(text) == detail::crc32c_portable(text, 0));
    auto half = size / 2;
    std::string_view view{text};
    BOOST_TEST(crc32c(view.substr(half), crc32c(view.substr(0, half))) == crc32c(text));
  }
}

BOOST_AUTO_TEST_SUITE_END()
