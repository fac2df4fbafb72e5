#include "actors/controllers/certificate_requests_plan.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(certificate_requests_plan_test)

using namespace troupe;
using namespace troupe::controllers;

namespace {

constexpr int64_t born = 1'000'000;
constexpr int64_t year = 365 * 86'400;

CertificateSigningRequest request_for(std::vector<const char*> usages,
                                      const char* signer = "kubernetes.io/kube-apiserver-client") {
  static auto key = tls::make_key();
  BOOST_REQUIRE(key);
  auto pem = tls::make_request(*key, {.common_name = "jane", .organizations = {"team"}});
  BOOST_REQUIRE(pem);
  CertificateSigningRequest r;
  r.mutable_metadata()->mutable_creation_timestamp()->set_seconds(born);
  r.mutable_spec()->set_request(*pem);
  r.mutable_spec()->set_signer_name(signer);
  for (auto u : usages) r.mutable_spec()->add_usages(u);
  return r;
}

void decide(CertificateSigningRequest& r, const char* type) {
  auto& c = *r.mutable_status()->add_conditions();
  c.set_type(type);
  c.set_status("True");
  c.mutable_last_update_time()->set_seconds(born);
}

/// What is done at that time, in a word.
std::string outcome(const CertificateSigningRequest& r, int64_t later = 0) {
  std::string out;
  for (auto& action : plan({r, {born + later, 0}})) {
    if (auto a = std::get_if<sign_certificate>(&action))
      out += "sign " + a->as.common_name + "/" + a->as.organizations.at(0) + " for " +
             std::to_string(a->as.not_after.time_since_epoch().count() - born - later);
    if (auto a = std::get_if<refuse_certificate>(&action)) out += a->why;
    if (std::holds_alternative<erase_request>(action)) out += "erase";
    if (auto a = std::get_if<await_expiry>(&action))
      out += "wait " + std::to_string(a->at.seconds - born) + ";";
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(only_what_is_approved_for_clients_is_signed) {
  auto r = request_for({"client auth", "digital signature"});
  BOOST_TEST(outcome(r) == "wait 86400;");
  decide(r, "Approved");
  BOOST_TEST(outcome(r) == "sign jane/team for " + std::to_string(year));
  auto denied = request_for({"client auth"});
  decide(denied, "Denied");
  BOOST_TEST(outcome(denied) == "wait 3600;");
  auto other = request_for({"client auth"}, "example.com/signer");
  decide(other, "Approved");
  BOOST_TEST(outcome(other) == "");
}

BOOST_AUTO_TEST_CASE(it_holds_as_long_as_asked_for_within_bounds) {
  for (auto [asked, got] :
       {std::pair<int, int64_t>{600, 600}, {1, 600}, {3600, 3600}, {2'000'000'000, year}}) {
    auto r = request_for({"client auth"});
    r.mutable_spec()->set_expiration_seconds(asked);
    decide(r, "Approved");
    BOOST_TEST(outcome(r) == "sign jane/team for " + std::to_string(got));
  }
}

BOOST_AUTO_TEST_CASE(what_is_none_of_a_client_is_refused_and_said_so) {
  auto server = request_for({"client auth", "server auth"});
  decide(server, "Approved");
  BOOST_TEST(outcome(server) == "invalid usage for client certificate: server auth");
  auto nothing = request_for({"digital signature"});
  decide(nothing, "Approved");
  BOOST_TEST(outcome(nothing) == "missing required usage for client certificate: client auth");
  decide(nothing, "Failed");
  BOOST_TEST(outcome(nothing) == "wait 3600;");
}

BOOST_AUTO_TEST_CASE(requests_that_nobody_needs_any_more_go) {
  auto r = request_for({"client auth"});
  BOOST_TEST(outcome(r, 86'399) == "wait 86400;");
  BOOST_TEST(outcome(r, 86'400) == "erase");
  decide(r, "Approved");
  BOOST_TEST(outcome(r, 86'400).starts_with("sign"));
  r.mutable_status()->set_certificate("-----BEGIN CERTIFICATE-----");
  BOOST_TEST(outcome(r, 10) == "wait 3600;");
  BOOST_TEST(outcome(r, 3'600) == "erase");
}

BOOST_AUTO_TEST_SUITE_END()
