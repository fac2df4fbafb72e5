// Ranges of service addresses: which give out what, and how long a deleted one stays.
#include "actors/controllers/service_cidr_plan.hpp"

#include "actors/gateway/admission/service_range.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

BOOST_AUTO_TEST_SUITE(service_cidr_plan_test)

using namespace troupe;
using controllers::ServiceCIDR;

namespace {

ServiceCIDR range_of(std::initializer_list<const char*> cidrs) {
  ServiceCIDR r;
  for (auto cidr : cidrs) r.mutable_spec()->add_cidrs(cidr);
  return r;
}

std::vector<network> networks(std::initializer_list<const char*> cidrs) {
  std::vector<network> out;
  for (auto cidr : cidrs) out.push_back(*network::parse(cidr));
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_range_is_in_use_while_an_address_lies_in_it_alone) {
  auto range = range_of({"10.1.0.0/24"});
  std::vector<address> taken{*address::parse("10.1.0.7"), *address::parse("10.2.0.7")};
  BOOST_TEST(controllers::in_use(range, networks({"10.2.0.0/24"}), taken));
  BOOST_TEST(!controllers::in_use(range, networks({"10.1.0.0/16"}), taken));
  BOOST_TEST(!controllers::in_use(range, {}, {taken[1]}));
}

BOOST_AUTO_TEST_CASE(a_range_is_kept_and_told_ready_once) {
  auto range = range_of({"10.1.0.0/24"});
  auto kept = controllers::keep(range);
  BOOST_REQUIRE(kept.has_value());
  BOOST_TEST(!controllers::keep(*kept).has_value());
  auto ready = controllers::tell_ready(*kept, true, {7, 0});
  BOOST_REQUIRE(ready.has_value());
  BOOST_TEST(ready->status().conditions(0).status() == "True");
  BOOST_TEST(!controllers::tell_ready(*ready, true, {8, 0}).has_value());
  auto waits = controllers::tell_ready(*ready, false, {9, 0});
  BOOST_REQUIRE(waits.has_value());
  BOOST_TEST(waits->status().conditions_size() == 1);
  BOOST_TEST(waits->status().conditions(0).reason() == "Terminating");
  auto released = controllers::release(*waits);
  BOOST_REQUIRE(released.has_value());
  BOOST_TEST(!controllers::release(*released).has_value());
}

BOOST_AUTO_TEST_CASE(every_address_of_a_range_is_given_out_before_it_is_full) {
  gateway::service_range small{"10.1.0.0/28", 0x0a010000, 0x0a010001, 0x0a01000e};
  gateway::service_range large{"10.2.0.0/23", 0x0a020000, 0x0a020001, 0x0a0201fe};
  std::set<uint32_t> taken;
  uint64_t chance = 5;
  auto next = [&] {
    return gateway::free_address(
        {small, large}, [&] { return chance = chance * 31 + 7; },
        [&](uint32_t a) { return taken.contains(a); });
  };
  for (int i = 0; i < 14; ++i) {
    auto given = next();
    BOOST_TEST(small.gives(given));
    BOOST_TEST(taken.insert(given).second);
  }
  // The lower part of the next is left to those who choose, as long as it goes.
  for (int i = 0; i < 510; ++i) {
    auto given = next();
    BOOST_TEST(large.gives(given));
    BOOST_TEST((given >= large.first + 31) == (i < 510 - 31));
    BOOST_TEST(taken.insert(given).second);
  }
  BOOST_TEST(next() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
