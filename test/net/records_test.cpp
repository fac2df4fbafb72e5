// TLS 1.3 records kept by ourselves: two layers that talk, whatever a forger may change, and a real
// OpenSSL client of every suite and version on a running server.
#include "net/http/server.hpp"
#include "net/tls/openssl.hpp"
#include "net/tls/records.hpp"
#include "test/net/support/raw_client.hpp"
#include "test/net/support/test_authority.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::tls;
using test::authority;

namespace {

using event = record_layer::event;

struct two_sides {
  explicit two_sides(uint16_t number = 0x1301)
      : client{*find_suite(number), secret(2), secret(1)}, server{*find_suite(number), secret(1),
                                                                  secret(2)} {}
  static std::string secret(char fill) { return std::string(32, fill); }

  std::string sealed(std::string_view plain) {
    std::string out;
    client.seal(plain, out);
    return out;
  }
  /// What the server makes of these bytes.
  event verdict(std::string_view bytes) {
    std::string answer;
    return server.open(bytes, scratch, answer).what;
  }

  record_layer client, server;
  std::string scratch;
};

/// A client of plain OpenSSL on a server that answers with the path.
struct openssl_client {
  explicit openssl_client(uint16_t port, int version = TLS1_3_VERSION, const char* suites = nullptr)
      : tcp{port}, settings{*context::make(style::public_client,
                                           {{}, {}, authority().ca.certificate_pem})},
        ssl{SSL_new(settings->native())} {
    SSL_set_fd(ssl.get(), tcp.descriptor());
    SSL_set_max_proto_version(ssl.get(), version);
    if (suites) SSL_set_ciphersuites(ssl.get(), suites);
    connected = SSL_connect(ssl.get()) == 1;
  }
  std::string get(const std::string& path) {
    const auto text = "GET /" + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
    std::string out;
    while (!out.ends_with("<" + path + ">")) {
      char buffer[20'000];
      const int n = SSL_read(ssl.get(), buffer, sizeof buffer);
      if (n <= 0) return out + " (ended)";
      out.append(buffer, static_cast<size_t>(n));
    }
    return out.substr(out.find("\r\n\r\n") + 4);
  }

  test::raw_client tcp;
  std::shared_ptr<const context> settings;
  ssl_ptr ssl;
  bool connected = false;
};

struct path_server {
  path_server()
      : served{{.tls = authority().server(), .handle = [](http::request in, http::responder out) {
                  std::string body =
                      in.path() == "/large" ? std::string(1'000'000, 'l') : std::string{};
                  body += "<" + std::string{in.path().substr(1)} + ">";
                  out.reply(http::answer(200, "text/plain", body));
                }}} {
    BOOST_TEST_REQUIRE(served.start().has_value());
  }
  http::server served;
};

} // namespace

BOOST_AUTO_TEST_SUITE(records_test)

BOOST_AUTO_TEST_CASE(what_one_side_seals_the_other_opens) {
  for (const uint16_t number : {0x1301, 0x1303}) {
    two_sides both{number};
    std::string answer;
    for (const auto& text : {std::string{"a"}, std::string(16'384, 'b'), std::string{"c"}}) {
      const auto record = both.sealed(text);
      const auto got = both.server.open(record, both.scratch, answer);
      BOOST_TEST((got.what == event::data));
      BOOST_TEST(got.plain == text);
      BOOST_TEST(got.used == record.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_change_of_any_byte_is_noticed) {
  const auto whole = two_sides{}.sealed("hello");
  for (size_t at = 0; at < whole.size(); ++at)
    for (const char bit : {'\x01', '\x80'}) {
      auto changed = whole;
      changed[at] ^= bit;
      const auto verdict = two_sides{}.verdict(changed);
      BOOST_TEST((verdict == event::failed || verdict == event::more), "byte " << at);
    }
}

BOOST_AUTO_TEST_CASE(records_cannot_be_repeated_left_out_or_sent_back) {
  two_sides both;
  const auto first = both.sealed("one"), second = both.sealed("two");
  BOOST_TEST((two_sides{}.verdict(second) == event::failed));
  BOOST_TEST((both.verdict(first) == event::data));
  BOOST_TEST((both.verdict(first) == event::failed));
  two_sides mirror;
  std::string answer;
  BOOST_TEST(
      (mirror.client.open(mirror.sealed("x"), mirror.scratch, answer).what == event::failed));
}

BOOST_AUTO_TEST_CASE(a_record_waits_until_it_is_whole_and_may_not_be_too_long) {
  two_sides both;
  const auto record = both.sealed("hello");
  for (size_t size = 0; size < record.size(); ++size)
    BOOST_TEST((both.verdict(std::string_view{record}.substr(0, size)) == event::more));
  BOOST_TEST((both.verdict(std::string{"\x17\x03\x03\x41\x01", 5}) == event::failed));
  BOOST_TEST((both.verdict(std::string{"\x15\x03\x03\x00\x02\x01\x00", 7}) == event::failed));
}

BOOST_AUTO_TEST_CASE(a_goodbye_is_an_end_and_empty_records_are_not_endless) {
  two_sides both;
  std::string goodbye;
  both.client.seal_goodbye(goodbye);
  BOOST_TEST((both.verdict(goodbye) == event::end));
  record_keys keys{*find_suite(0x1301), two_sides::secret(1)};
  two_sides flooded;
  int borne = 0;
  for (event what = event::nothing; what == event::nothing && borne < 1000; ++borne) {
    std::string empty;
    keys.seal(23, {}, empty);
    what = flooded.verdict(empty);
  }
  BOOST_TEST(borne < 100);
}

BOOST_AUTO_TEST_CASE(handshake_messages_other_than_key_update_end_the_connection) {
  for (const auto& message :
       {std::string{"\x04\x00\x00\x01\x00", 5}, std::string{"\x18\x00\x00\x01\x02", 5},
        std::string{"\x18\x00\x00\x01", 4}, std::string{"\x18\x00\x00\x01\x00\x18", 6}}) {
    record_keys keys{*find_suite(0x1301), two_sides::secret(1)};
    std::string record;
    keys.seal(22, message, record);
    BOOST_TEST((two_sides{}.verdict(record) == event::failed));
  }
}

BOOST_AUTO_TEST_CASE(openssl_understands_us_in_every_suite_and_version) {
  path_server on;
  for (const auto* suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    openssl_client client{on.served.port(), TLS1_3_VERSION, suite};
    BOOST_TEST_REQUIRE(client.connected);
    BOOST_TEST(client.get("a") == "<a>");
    BOOST_TEST(client.get("large").size() == 1'000'007u);
    BOOST_TEST(client.get("b") == "<b>");
  }
  openssl_client older{on.served.port(), TLS1_2_VERSION};
  BOOST_TEST_REQUIRE(older.connected);
  BOOST_TEST(older.get("large").size() == 1'000'007u);
  openssl_client oldest{on.served.port(), TLS1_1_VERSION};
  BOOST_TEST(!oldest.connected);
}

BOOST_AUTO_TEST_CASE(openssl_may_renew_the_keys_of_both_directions) {
  path_server on;
  openssl_client client{on.served.port()};
  for (const int kind :
       {SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED}) {
    BOOST_TEST(client.get("before") == "<before>");
    BOOST_TEST(SSL_key_update(client.ssl.get(), kind) == 1);
    BOOST_TEST(client.get("after") == "<after>");
    BOOST_TEST(client.get("large").size() == 1'000'007u);
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_says_so_to_openssl) {
  path_server on;
  openssl_client client{on.served.port()};
  const std::string last = "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  SSL_write(client.ssl.get(), last.data(), static_cast<int>(last.size()));
  char buffer[1000];
  int n = 0;
  while ((n = SSL_read(client.ssl.get(), buffer, sizeof buffer)) > 0) {
  }
  BOOST_TEST(SSL_get_error(client.ssl.get(), n) == SSL_ERROR_ZERO_RETURN);
  BOOST_TEST((SSL_get_shutdown(client.ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
