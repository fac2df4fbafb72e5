#include "actors/controllers/account_tokens_plan.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(account_tokens_plan_test)

using namespace troupe::controllers;
using k8s::core::v1::Secret;

namespace {

Secret asking() {
  Secret s;
  s.set_type(troupe::schema::token_secret_type);
  s.mutable_metadata()->set_namespace_("ns");
  (*s.mutable_metadata()->mutable_annotations())[troupe::schema::account_name_annotation] = "robot";
  return s;
}

} // namespace

BOOST_AUTO_TEST_CASE(only_secrets_of_the_type_ask_for_a_token) {
  BOOST_TEST(account_of(asking()).value() == "robot");
  auto other = asking();
  other.set_type("Opaque");
  BOOST_TEST(!account_of(other));
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_filled_in_once) {
  auto s = asking();
  BOOST_TEST((judge(s, "uid", "root") == token_secret::lacks));
  fill_in(s, "uid", "root", "a.b.c");
  BOOST_TEST((judge(s, "uid", "root") == token_secret::good));
  BOOST_TEST(s.metadata().annotations().at(troupe::schema::account_uid_annotation) == "uid");
  BOOST_TEST(s.data().at("namespace") == "ns");
  BOOST_TEST(s.data().at("ca.crt") == "root");
  auto before = s.SerializeAsString();
  fill_in(s, "uid", "root", "another.one.d");
  BOOST_TEST(s.SerializeAsString() == before); // a token that is there stays
}

BOOST_AUTO_TEST_CASE(another_root_certificate_is_taken_over_and_an_own_namespace_kept) {
  auto s = asking();
  (*s.mutable_data())["namespace"] = "mine";
  fill_in(s, "uid", "root", "a.b.c");
  BOOST_TEST((judge(s, "uid", "newer") == token_secret::lacks));
  fill_in(s, "uid", "newer", "a.b.c");
  BOOST_TEST(s.data().at("ca.crt") == "newer");
  BOOST_TEST(s.data().at("namespace") == "mine");
}

BOOST_AUTO_TEST_CASE(a_secret_goes_with_its_account_even_if_there_is_a_new_one_of_its_name) {
  auto s = asking();
  BOOST_TEST((judge(s, "", "root") == token_secret::orphan));
  fill_in(s, "uid", "root", "a.b.c");
  BOOST_TEST((judge(s, "", "root") == token_secret::orphan));
  BOOST_TEST((judge(s, "uid-2", "root") == token_secret::orphan));
}

BOOST_AUTO_TEST_SUITE_END()
