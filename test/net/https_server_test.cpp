// The server over TLS: who the client is, what a bad certificate means, reloading, deadlines.
#include "net/http/server.hpp"
#include "test/net/support/raw_client.hpp"
#include "test/net/support/test_authority.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::http;
using namespace std::chrono_literals;
using test::authority;
using test::raw_client;

namespace {

const std::string simple_get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Answers with what it believes about its client.
void who_are_you(request in, responder out) {
  const auto& certificate = in.from->certificate;
  std::string text = "nobody";
  if (certificate) {
    text = certificate->verified ? "verified " : "refused (" + certificate->why_not + ") ";
    text += certificate->common_name;
    for (const auto& organization : certificate->organizations) text += "," + organization;
    if (!certificate->client_auth) text += " not-for-clients";
  }
  out.reply(answer(200, "text/plain", text));
}

struct https_server {
  explicit https_server(limits bounds = {})
      : served{{.tls = authority().server(), .limits = bounds, .handle = who_are_you}} {
    BOOST_TEST_REQUIRE(served.start().has_value());
  }
  std::string ask(const tls::credentials& who) {
    const auto context = tls::context::make(tls::style::public_client, who);
    BOOST_TEST_REQUIRE(context.has_value());
    raw_client client{served.port(), *context};
    BOOST_TEST_REQUIRE(client.handshaken);
    client.send(simple_get);
    const auto text = client.answer();
    return text.substr(text.find("\r\n\r\n") + 4);
  }
  server served;
};

tls::credentials only_trust() { return {{}, {}, authority().ca.certificate_pem}; }

} // namespace

BOOST_AUTO_TEST_SUITE(https_server_test)

BOOST_AUTO_TEST_CASE(a_client_without_a_certificate_is_nobody) {
  https_server on;
  BOOST_TEST(on.ask(only_trust()) == "nobody");
}

BOOST_AUTO_TEST_CASE(a_client_certificate_tells_name_and_groups) {
  https_server on;
  const auto pair = authority().issue("alice", {.client = true}, {"dev", "ops"});
  BOOST_TEST(on.ask(authority().credentials(pair)) == "verified alice,dev,ops");
}

BOOST_AUTO_TEST_CASE(a_bad_client_certificate_is_reported_to_the_handler_not_to_the_handshake) {
  https_server on;
  const auto other = *tls::make_authority("test-ca", test::now(), std::chrono::days{10});
  const auto stranger = *tls::issue(other, {.common_name = "eve",
                                            .use = {.client = true},
                                            .not_before = test::now() - 1h,
                                            .not_after = test::now() + 1h});
  auto who = authority().credentials(stranger);
  BOOST_TEST(on.ask(who).starts_with("refused ("));
  const auto expired = authority().issue("old", {.client = true}, {}, test::now() - 1h);
  BOOST_TEST(on.ask(authority().credentials(expired)) == "refused (certificate has expired) old");
  const auto for_servers = authority().issue("srv", {.server = true});
  const auto verdict = on.ask(authority().credentials(for_servers));
  BOOST_TEST(verdict.starts_with("refused ("));
  BOOST_TEST(verdict.ends_with("srv not-for-clients"));
}

BOOST_AUTO_TEST_CASE(a_reloaded_certificate_is_shown_to_new_connections_only) {
  https_server on;
  const auto context = *tls::context::make(tls::style::public_client, only_trust());
  raw_client before{on.served.port(), context};
  const auto other = *tls::make_authority("new-ca", test::now(), std::chrono::days{10});
  const auto renewed = *tls::issue(other, {.common_name = "server",
                                           .dns_names = {"localhost"},
                                           .use = {.server = true},
                                           .not_before = test::now() - 1h,
                                           .not_after = test::now() + 1h});
  BOOST_TEST_REQUIRE(
      on.served.reload({renewed.certificate_pem, renewed.key_pem, other.certificate_pem})
          .has_value());
  before.send(simple_get);
  BOOST_TEST(before.answer().ends_with("nobody"));
  raw_client after{on.served.port(), context};
  BOOST_TEST(!after.handshaken);
  BOOST_TEST(on.ask({{}, {}, other.certificate_pem}) == "nobody");
  BOOST_TEST(!on.served.reload({"nonsense", "nonsense", {}}).has_value());
  BOOST_TEST(on.ask({{}, {}, other.certificate_pem}) == "nobody");
}

BOOST_AUTO_TEST_CASE(a_hello_that_takes_too_long_is_cut_off) {
  limits bounds;
  bounds.tls_hello_deadline = 50ms;
  bounds.deadline_granularity = 5ms;
  https_server on{bounds};
  raw_client silent{on.served.port()};
  silent.send("\x16\x03");
  BOOST_TEST(silent.closed_by_server());
}

BOOST_AUTO_TEST_CASE(plain_text_on_a_tls_port_is_cut_off_and_counted) {
  https_server on;
  raw_client confused{on.served.port()};
  confused.send(simple_get);
  confused.until_close();
  BOOST_TEST(on.served.counters().handshakes_failed == 1u);
}

BOOST_AUTO_TEST_CASE(the_preface_of_http_2_gets_a_505_over_tls) {
  https_server on;
  raw_client client{on.served.port(), *tls::context::make(tls::style::public_client, only_trust())};
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  BOOST_TEST(client.until_close().starts_with("HTTP/1.1 505 "));
}

BOOST_AUTO_TEST_CASE(a_large_answer_arrives_unchanged_over_tls) {
  std::string pattern;
  for (int i = 0; i < 1'000'000; ++i) pattern += static_cast<char>('a' + i % 23);
  const auto piece = share(pattern);
  server on{{.tls = authority().server(), .handle = [&](request, responder out) {
               out.reply({200, {}, {piece, share("-"), piece, share("+"), share("/"), piece}});
             }}};
  BOOST_TEST_REQUIRE(on.start().has_value());
  raw_client client{on.port(), *tls::context::make(tls::style::public_client, only_trust()), 4096};
  client.send(simple_get);
  const auto text = client.answer();
  BOOST_TEST((text.substr(text.find("\r\n\r\n") + 4) == pattern + "-" + pattern + "+/" + pattern));
}

BOOST_AUTO_TEST_SUITE_END()
