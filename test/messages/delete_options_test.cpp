// What is asked of a deletion: 0 and false are answers, too.
#include "messages/api/meta.pb.h"
#include "messages/api/request_options.pb.h"
#include "messages/codec/json_decode.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(delete_options_test)

using namespace troupe;

BOOST_AUTO_TEST_CASE(a_deletion_at_once_is_not_one_at_any_time) {
  k8s::meta::v1::DeleteOptions options;
  BOOST_REQUIRE(codec::from_json(R"({"gracePeriodSeconds":0,"orphanDependents":false,)"
                                 R"("preconditions":{"uid":""}})",
                                 options)
                    .has_value());
  BOOST_TEST(options.has_grace_period_seconds());
  BOOST_TEST(options.grace_period_seconds() == 0);
  BOOST_TEST(options.has_orphan_dependents());
  BOOST_TEST(options.preconditions().has_uid());
  BOOST_REQUIRE(codec::from_json("{}", options).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_not_said_is_not_there) {
  k8s::meta::v1::DeleteOptions options;
  BOOST_REQUIRE(codec::from_json(R"({"dryRun":["All"]})", options).has_value());
  BOOST_TEST(!options.has_grace_period_seconds());
  BOOST_TEST(!options.has_orphan_dependents());
}

BOOST_AUTO_TEST_SUITE_END()
