// Quantities: every form, exact arithmetic, bounds.
#include "messages/base/quantity.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

BOOST_AUTO_TEST_SUITE(quantity_test)

using troupe::quantity;

BOOST_AUTO_TEST_CASE(every_form_has_one_canonical_form) {
  const char* rows[][2] = {
      {"0", "0"},
      {"100m", "100m"},
      {"0.1", "100m"},
      {"1000m", "1"},
      {"1.5Gi", "1536Mi"},
      {"1024Mi", "1Gi"},
      {"12e6", "12e6"},
      {"1e3", "1e3"},
      {"1000k", "1M"},
      {"+5", "5"},
      {"-1Gi", "-1Gi"},
      {".5", "500m"},
      {"5.", "5"},
      {"1Ki", "1Ki"},
      {"1000Ki", "1000Ki"},
      {"1u", "1u"},
      {"1n", "1n"},
      {"0.1n", "1n"},
      {"100Mi", "100Mi"},
      {"1E", "1E"},
      {"0.0000001m", "1n"},
      {"1500m", "1500m"},
      {"1.23k", "1230"},
      {"0.5Gi", "512Mi"},
      {"1E3", "1e3"},
      {"123456789012.123456789Ki",
       "126419751948414419751936n"}, // more digits than were once multiplied
      {"999478744062599999.99999999999999999999929Ei", "9223372036854775807"},
  };
  for (auto& r : rows) {
    auto read = quantity::parse(r[0]);
    BOOST_REQUIRE_MESSAGE(read.has_value(), r[0]);
    BOOST_TEST(read->text() == r[1], r[0] << " gave " << read->text());
  }
}

BOOST_AUTO_TEST_CASE(hostile_19_amounts_are_capped_and_nonsense_is_refused) {
  auto huge = quantity::parse("9223372036854775808");
  BOOST_REQUIRE(huge.has_value());
  BOOST_TEST(huge->value() == INT64_MAX);
  for (auto bad :
       {"", "-", ".", "1.2.3", "1KB", "1 Gi", "Gi", "1e", "0x10", "1,5", "NaN", "1i", "--1"})
    BOOST_TEST(!quantity::parse(bad).has_value(), bad);
  auto start = std::chrono::steady_clock::now();
  (void)quantity::parse("1e1000000");
  (void)quantity::parse(std::string(1 << 20, '9'));
  (void)quantity::parse("0." + std::string(1 << 20, '0') + "1");
  BOOST_TEST((std::chrono::steady_clock::now() - start < std::chrono::seconds(1)));
  auto sum = quantity();
  for (int i = 0; i < 10; ++i) sum += *quantity::parse("9E");
  BOOST_TEST(!sum.negative());
}

BOOST_AUTO_TEST_CASE(sums_and_comparisons_are_exact) {
  auto tenth = *quantity::parse("0.1");
  auto sum = quantity();
  for (int i = 0; i < 10; ++i) sum += tenth;
  BOOST_TEST((sum == *quantity::parse("1")));
  BOOST_TEST((*quantity::parse("1Gi") > *quantity::parse("1G")));
  BOOST_TEST((*quantity::parse("1024") == *quantity::parse("1Ki")));
  BOOST_TEST(quantity::parse("1.1")->value() == 2);
  BOOST_TEST(quantity::parse("100n")->milli_value() == 1);
  BOOST_TEST(quantity::parse("1100u")->rounded_up_to_milli().text() == "2m");
}

BOOST_AUTO_TEST_SUITE_END()
