// WebSocket as functions on bytes: the handshake of RFC 6455, frames however they are cut, and
// every violation with its close code.
#include "net/streams/base64.hpp"
#include "net/streams/channels.hpp"
#include "net/streams/protocol.hpp"
#include "net/streams/websocket.hpp"
#include "test/net/support/websocket_client.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::streams;
using test::masked_frame;

namespace {

struct recorder : websocket_decoder::events {
  void on_message(bool text, std::string_view payload) override {
    seen += (text ? "text:" : "binary:") + std::string{payload} + ";";
  }
  void on_ping(std::string_view payload) override { seen += "ping:" + std::string{payload} + ";"; }
  void on_close(uint16_t code) override { seen += "close:" + std::to_string(code) + ";"; }
  std::string seen;
};

/// What the decoder makes of `bytes`: its events, then the close code of a violation if any.
std::string decoded(const std::string& bytes, size_t step = 1, size_t max = 1000) {
  websocket_decoder decoder{max};
  recorder events;
  for (size_t at = 0; at < bytes.size(); at += step)
    if (const auto bad = decoder.feed(std::string_view{bytes}.substr(at, step), events))
      return events.seen + "violation:" + std::to_string(bad->code);
  return events.seen;
}

http::request handshake(const std::string& protocols) {
  return *http::request::parse(test::upgrade_request("/", protocols));
}

struct lane_recorder : engine_events {
  void on_open(lane which, const http::header_list&) override { note("open", which, {}); }
  void on_data(lane which, std::string_view data) override { note("data", which, data); }
  void on_end(lane which) override { note("end", which, {}); }
  void on_reset(lane which) override { note("reset", which, {}); }
  void on_finish(std::string_view why) override { note("finish", 0, why); }
  void note(const std::string& what, lane which, std::string_view data) {
    seen += what + " " + std::to_string(which) + " " + std::string{data} + ";";
  }
  std::string seen;
};

} // namespace

BOOST_AUTO_TEST_SUITE(websocket_test)

BOOST_AUTO_TEST_CASE(the_handshake_answers_as_the_rfc_shows) {
  const auto done = shake_hands(handshake(""), {});
  BOOST_TEST_REQUIRE(done.has_value());
  BOOST_TEST(done->headers[2].second == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  BOOST_TEST(done->protocol.empty());
}

BOOST_AUTO_TEST_CASE(the_clients_order_decides_among_the_subprotocols) {
  const auto chosen = [](const std::string& offer) {
    const auto done = choose_exec(handshake(offer));
    return done ? done->version * 10 + done->form.base64 : -1;
  };
  BOOST_TEST(chosen("v5.channel.k8s.io, v4.channel.k8s.io") == 50);
  BOOST_TEST(chosen("nonsense, v4.base64.channel.k8s.io,v5.channel.k8s.io") == 41);
  BOOST_TEST(chosen("") == 10);
  BOOST_TEST(chosen("nonsense") == -1);
}

BOOST_AUTO_TEST_CASE(a_bearer_token_hides_among_the_subprotocols_and_is_never_chosen) {
  const auto in = handshake("base64url.bearer.authorization.k8s.io." +
                            base64url_encoded("secret.token") + ", v4.channel.k8s.io");
  const auto token = bearer_token(in);
  BOOST_TEST_REQUIRE(token.has_value());
  BOOST_TEST(**token == "secret.token");
  BOOST_TEST(choose_exec(in)->version == 4);
  BOOST_TEST(!bearer_token(handshake("base64url.bearer.authorization.k8s.io.!!")).has_value());
  BOOST_TEST(!bearer_token(handshake("v4.channel.k8s.io"))->has_value());
}

BOOST_AUTO_TEST_CASE(what_is_no_handshake_is_refused) {
  for (const auto& [from, to] : {std::pair{"GET", "POST"},
                                 {"Version: 13", "Version: 8"},
                                 {"dGhlIHNhbXBsZSBub25jZQ==", "short"},
                                 {"Connection: Upgrade", "Connection: close"}}) {
    auto text = test::upgrade_request("/", "");
    text.replace(text.find(from), std::string_view{from}.size(), to);
    BOOST_TEST(!shake_hands(*http::request::parse(text), {}).has_value(), to);
  }
}

BOOST_AUTO_TEST_CASE(messages_are_put_together_however_the_bytes_are_cut) {
  const auto bytes = masked_frame(0x81, "hello") + masked_frame(0x02, "ab") +
                     masked_frame(0x89, "p") + masked_frame(0x00, "cd") + masked_frame(0x80, "") +
                     masked_frame(0x82, "") + masked_frame(0x82, std::string(300, 'x')) +
                     masked_frame(0x88, "\x03\xe8");
  const auto expected =
      "text:hello;ping:p;binary:abcd;binary:;binary:" + std::string(300, 'x') + ";close:1000;";
  for (const size_t step : {1, 2, 3, 5, 1000}) BOOST_TEST(decoded(bytes, step) == expected);
}

BOOST_AUTO_TEST_CASE(every_violation_has_its_close_code) {
  const auto violation = [](const std::string& bytes, int code) {
    BOOST_TEST(decoded(bytes).ends_with("violation:" + std::to_string(code)), decoded(bytes));
  };
  violation(std::string{"\x81\x05hello", 7}, 1002);                   // not masked
  violation(masked_frame(0xc1, "x"), 1002);                           // reserved bit
  violation(masked_frame(0x83, "x"), 1002);                           // unknown opcode
  violation(masked_frame(0x80, "x"), 1002);                           // continues nothing
  violation(masked_frame(0x01, "x") + masked_frame(0x81, "y"), 1002); // message inside message
  violation(masked_frame(0x09, "x"), 1002);                           // fragmented ping
  violation(masked_frame(0x89, std::string(126, 'x')), 1002);         // long ping
  violation(masked_frame(0x81, "\xff"), 1007);                        // not UTF-8
  violation(masked_frame(0x88, "\x01"), 1002);                        // half a close code
  violation(masked_frame(0x88, std::string{"\x03\xed", 2}), 1002);    // a code nobody may send
  violation(masked_frame(0x82, std::string(1001, 'x')), 1009);        // too large
  violation(masked_frame(0x02, std::string(600, 'x')) + masked_frame(0x80, std::string(600, 'x')),
            1009); // too large in pieces
  violation(std::string{"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                        "mask",
                        14},
            1002); // 2^64-1
  violation(std::string{"\x82\xfe\x00\x05"
                        "mask",
                        8},
            1002); // not the shortest length
}

BOOST_AUTO_TEST_CASE(channels_carry_data_and_the_client_may_close_one) {
  channel_engine engine{{.half_close = true}};
  lane_recorder events;
  engine.feed(masked_frame(0x82, std::string{"\0input", 6}) + masked_frame(0x82, {'\xff', '\0'}),
              events);
  BOOST_TEST(events.seen == "data 0 input;end 0 ;");
  engine.write(1, "out");
  engine.finish(1);
  engine.write(1, "nothing more");
  engine.close();
  BOOST_TEST(engine.take_output() == std::string("\x82\x04\x01out\x88\x02\x03\xe8", 10));
}

BOOST_AUTO_TEST_CASE(base64_channels_use_digits_and_text) {
  channel_engine engine{{.base64 = true}};
  lane_recorder events;
  engine.feed(masked_frame(0x81, "0aGk="), events);
  BOOST_TEST(events.seen == "data 0 hi;");
  engine.write(1, "hi");
  BOOST_TEST(engine.take_output() == "\x81\x05"
                                     "1aGk=");
  engine.feed(masked_frame(0x81, "0a"), events);
  BOOST_TEST(events.seen.find("finish") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pings_and_closes_are_answered) {
  channel_engine engine{{}};
  lane_recorder events;
  engine.feed(masked_frame(0x89, "abc") + masked_frame(0x88, std::string{"\x03\xe9", 2}), events);
  BOOST_TEST(engine.take_output() == "\x8a\x03"
                                     "abc\x88\x02\x03\xe9");
  BOOST_TEST(events.seen == "finish 0 ;");
}

BOOST_AUTO_TEST_CASE(base64_is_strict) {
  BOOST_TEST(*base64_decoded("aGVsbG8=") == "hello");
  BOOST_TEST(*base64url_decoded("_-8") == "\xff\xef");
  for (const auto bad : {"aGVsbG8", "a", "aGVsbG9=", "aG Vs", "====", "aGVsbG8=="})
    BOOST_TEST(!base64_decoded(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
