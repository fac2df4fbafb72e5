// The certificate authority: what it issues says what was asked, verifies where it should and
// nowhere else, and survives a trip to the disk.
#include "net/tls/authority.hpp"
#include "net/tls/files.hpp"
#include "test/net/support/test_authority.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>

using namespace troupe;
using namespace troupe::tls;
using namespace std::chrono_literals;
using test::authority;

namespace {

struct directory {
  directory() {
    char name[] = "/tmp/troupe-test-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

} // namespace

BOOST_AUTO_TEST_SUITE(authority_test)

BOOST_AUTO_TEST_CASE(an_issued_certificate_says_what_was_asked) {
  const auto pair = authority().issue("alice", {.client = true}, {"dev", "ops"});
  const auto read = read_certificate(pair.certificate_pem);
  BOOST_TEST_REQUIRE(read.has_value());
  BOOST_TEST(read->common_name == "alice");
  BOOST_TEST((read->organizations == std::vector<std::string>{"dev", "ops"}));
  BOOST_TEST((read->dns_names == std::vector<std::string>{"localhost", "alice"}));
  BOOST_TEST(read->client_auth);
  BOOST_TEST(!read->server_auth);
  BOOST_TEST(!read->verified);
  BOOST_TEST(read->fingerprint_sha256.size() == 64u);
}

BOOST_AUTO_TEST_CASE(a_certificate_verifies_only_for_its_use_its_time_and_its_authority) {
  const auto pair = authority().issue("alice", {.client = true});
  const auto& root = authority().ca.certificate_pem;
  const auto other = make_authority("other", test::now(), std::chrono::days{10});
  const auto verify = [&](std::string_view trusted, wall_time at, usages use) {
    return verify_certificate(pair.certificate_pem, trusted, at, use).has_value();
  };
  BOOST_TEST(verify(root, test::now(), {.client = true}));
  BOOST_TEST(!verify(root, test::now(), {.server = true}));
  BOOST_TEST(!verify(root, test::now() + 48h, {.client = true}));
  BOOST_TEST(!verify(root, test::now() - 72h, {.client = true}));
  BOOST_TEST(!verify(other->certificate_pem, test::now(), {.client = true}));
}

BOOST_AUTO_TEST_CASE(an_issued_certificate_cannot_issue_others) {
  const auto leaf = authority().issue("leaf", {.client = true});
  const auto child = issue(leaf, {.common_name = "child",
                                  .use = {.client = true},
                                  .not_before = test::now() - 1h,
                                  .not_after = test::now() + 1h});
  const auto chain = child ? child->certificate_pem + leaf.certificate_pem : std::string{};
  BOOST_TEST(
      !verify_certificate(chain, authority().ca.certificate_pem, test::now(), {.client = true})
           .has_value());
}

BOOST_AUTO_TEST_CASE(a_signing_request_is_read_and_only_its_key_is_taken_over) {
  const auto key = make_key();
  const auto request = make_request(*key, {.common_name = "system:node:a",
                                           .organizations = {"system:masters"},
                                           .dns_names = {"evil.example"},
                                           .ip_addresses = {"10.0.0.1", "fd00::1"}});
  BOOST_TEST_REQUIRE(request.has_value());
  const auto asked = read_request(*request);
  BOOST_TEST_REQUIRE(asked.has_value());
  BOOST_TEST(asked->common_name == "system:node:a");
  BOOST_TEST((asked->organizations == std::vector<std::string>{"system:masters"}));
  BOOST_TEST((asked->ip_addresses == std::vector<std::string>{"10.0.0.1", "fd00::1"}));
  BOOST_TEST(!asked->other_names);
  const auto signed_pem = sign_request(authority().ca, *request,
                                       {.common_name = "system:node:a",
                                        .organizations = {"system:nodes"},
                                        .use = {.client = true},
                                        .not_before = test::now() - 1h,
                                        .not_after = test::now() + 1h});
  BOOST_TEST_REQUIRE(signed_pem.has_value());
  const auto read = read_certificate(*signed_pem);
  BOOST_TEST((read->organizations == std::vector<std::string>{"system:nodes"}));
  BOOST_TEST(read->dns_names.empty());
}

BOOST_AUTO_TEST_CASE(a_signing_request_that_was_tampered_with_is_refused) {
  auto request = *make_request(*make_key(), {.common_name = "a"});
  const auto middle = request.size() / 2;
  request[middle] = request[middle] == 'A' ? 'B' : 'A';
  BOOST_TEST(!read_request(request).has_value());
  BOOST_TEST(!read_request("").has_value());
  BOOST_TEST(!read_request(std::string(100'000, 'a')).has_value());
}

BOOST_AUTO_TEST_CASE(a_malformed_address_is_an_error_that_names_it) {
  const auto made = issue(authority().ca, {.common_name = "a", .ip_addresses = {"10.0.0.300"}});
  BOOST_TEST_REQUIRE(!made.has_value());
  BOOST_TEST(made.error().message.find("10.0.0.300") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(keys_are_saved_for_their_owner_only) {
  const directory at;
  const auto pair = authority().issue("a", {.server = true});
  BOOST_TEST_REQUIRE(save(pair, at.path / "server").has_value());
  const auto mode = std::filesystem::status(at.path / "server.key").permissions();
  BOOST_TEST(static_cast<unsigned>(mode) == 0600u);
  const auto loaded = load_pair(at.path / "server");
  BOOST_TEST_REQUIRE(loaded.has_value());
  BOOST_TEST((*loaded == pair));
}

BOOST_AUTO_TEST_CASE(a_key_that_others_may_read_is_refused_with_the_remedy) {
  const directory at;
  BOOST_TEST_REQUIRE(save_public(at.path / "x.key", "secret").has_value());
  const auto loaded = load_private(at.path / "x.key");
  BOOST_TEST_REQUIRE(!loaded.has_value());
  BOOST_TEST(loaded.error().message.find("chmod 600") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_missing_a_directory_or_endless_is_an_error) {
  const directory at;
  BOOST_TEST((load_file(at.path / "none").error().code == errc::not_found));
  BOOST_TEST(!load_file(at.path).has_value());
  BOOST_TEST(!load_file("/dev/zero").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
