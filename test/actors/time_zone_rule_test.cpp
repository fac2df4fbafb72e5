#include "actors/controllers/time_zone_rule.hpp"
#include "messages/base/time.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(time_zone_rule_test)

using namespace troupe;
using controllers::time_zone_rule;

BOOST_AUTO_TEST_CASE(every_form_of_a_rule_names_its_moments) {
  struct row {
    const char* rule;
    int year;
    const char* told; ///< each change with the hours that follow it
  };
  for (auto& r : {
           row{"CET-1CEST,M3.5.0,M10.5.0/3", 2050,
               "2050-03-27T01:00:00Z +2; 2050-10-30T01:00:00Z +1; "},
           row{"EST5EDT,M3.2.0,M11.1.0", 2040,
               "2040-03-11T07:00:00Z -4; 2040-11-04T06:00:00Z -5; "},
           row{"NZST-12NZDT,M9.5.0,M4.1.0/3", 2041,
               "2041-04-06T14:00:00Z +12; 2041-09-28T14:00:00Z +13; "},
           row{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2045,
               "2045-03-26T01:00:00Z -1; 2045-10-29T01:00:00Z -2; "},
           row{"IST-2IDT,M3.4.4/26,M10.5.0", 2039,
               "2039-03-25T00:00:00Z +3; 2039-10-29T23:00:00Z +2; "},
           row{"AAA3BBB,J60/0,J300", 2044, "2044-03-01T03:00:00Z -2; 2044-10-27T04:00:00Z -3; "},
           row{"AAA3BBB,59/0,300", 2044, "2044-02-29T03:00:00Z -2; 2044-10-27T04:00:00Z -3; "},
           row{"JST-9", 2044, ""},
       }) {
    auto rule = time_zone_rule::parse(r.rule);
    BOOST_REQUIRE_MESSAGE(rule, r.rule);
    std::string told;
    for (auto& change : rule->changes(std::chrono::year{r.year}))
      told += format_time(change.at) + (change.offset < 0 ? " -" : " +") +
              std::to_string(std::abs(change.offset) / 3600) + "; ";
    BOOST_TEST(told == r.told, r.rule << ": " << told);
  }
}

BOOST_AUTO_TEST_CASE(malformed_rules_are_refused) {
  for (auto text : {"", "CET", "-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0/3",
                    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-25", "<CET-1",
                    "CET-1CEST,M3.5.0,M10.5.0/3,", "CET-1CEST,J0,J3", "CET-1CEST,366,3"})
    BOOST_TEST(!time_zone_rule::parse(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()
