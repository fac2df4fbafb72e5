// SPDY/3.1 without sockets: the protocol's own dictionary, streams, windows, and what a hostile
// client may try.
#include "net/streams/spdy.hpp"

#include <boost/test/unit_test.hpp>
#include <zlib.h>

using namespace troupe;
using namespace troupe::streams;

namespace {

std::string be32(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string control(uint16_t type, uint8_t flags, const std::string& payload) {
  return be32(0x80030000u | type) +
         be32(uint32_t{flags} << 24 | static_cast<uint32_t>(payload.size())) + payload;
}

std::string data(lane which, const std::string& bytes, bool last = false) {
  return be32(which) + be32((last ? 1u << 24 : 0) | static_cast<uint32_t>(bytes.size())) + bytes;
}

/// A client, its engine, and what each has told the other.
struct spdy : engine_events {
  std::string open(lane which, const std::string& type, uint8_t flags = 0) {
    return control(1, flags,
                   be32(which) + be32(0) + std::string(2, '\0') +
                       folder.fold({{"streamtype", type}, {"port", "80"}}));
  }
  void feed(const std::string& bytes, size_t step = 1'000'000) {
    for (size_t at = 0; at < bytes.size(); at += step)
      engine.feed(std::string_view{bytes}.substr(at, step), *this);
  }
  /// The data the engine has sent on `which`, with a dollar for the end; other frames by type.
  std::string sent(lane which) {
    std::string out;
    const auto bytes = engine.take_output();
    for (size_t at = 0; at + 8 <= bytes.size();) {
      const auto number = [&](size_t i) {
        uint32_t value = 0;
        for (size_t k = i; k < i + 4; ++k) value = value << 8 | static_cast<uint8_t>(bytes[k]);
        return value;
      };
      const auto size = number(at + 4) & 0xffffff;
      if (number(at) & 0x80000000)
        out += "<" + std::to_string(number(at) & 0xffff) + ">";
      else if (number(at) == which)
        out += bytes.substr(at + 8, size) + (number(at + 4) >> 24 ? "$" : "");
      at += 8 + size;
    }
    return out;
  }
  void on_open(lane which, const http::header_list& headers) override {
    seen += "open " + std::to_string(which) + " " + headers.at(0).second + ";";
  }
  void on_data(lane which, std::string_view bytes) override {
    seen += "data " + std::to_string(which) + " " + std::string{bytes} + ";";
  }
  void on_end(lane which) override { seen += "end " + std::to_string(which) + ";"; }
  void on_reset(lane which) override { seen += "reset " + std::to_string(which) + ";"; }
  void on_finish(std::string_view why) override { seen += "finish " + std::string{why} + ";"; }

  spdy_deflater folder;
  spdy_engine engine;
  std::string seen;
};

} // namespace

BOOST_AUTO_TEST_SUITE(spdy_test)

BOOST_AUTO_TEST_CASE(the_dictionary_is_the_protocols_own) {
  const auto& words = spdy_dictionary();
  BOOST_TEST(words.size() == 1423u);
  BOOST_TEST(adler32(adler32(0, nullptr, 0), reinterpret_cast<const Bytef*>(words.data()),
                     static_cast<uInt>(words.size())) == 0xe3c6a7c2u);
}

BOOST_AUTO_TEST_CASE(streams_open_carry_data_and_close_each_way) {
  for (const size_t step : {1, 3, 1000}) {
    spdy client;
    // The history of the compression makes the order matter.
    auto bytes = client.open(1, "error");
    bytes += client.open(3, "stdin");
    client.feed(bytes + data(3, "hello") + data(3, "", true), step);
    BOOST_TEST(client.sent(1) == "<2><2>");
    client.engine.write(1, "status");
    client.engine.finish(1);
    BOOST_TEST(client.sent(1) == "status$");
    std::string joined;
    for (size_t at = 0; (at = client.seen.find("data 3 ", at)) != std::string::npos; ++at)
      joined += client.seen.substr(at + 7, client.seen.find(';', at) - at - 7);
    BOOST_TEST(joined == "hello");
    BOOST_TEST(client.seen.starts_with("open 1 error;open 3 stdin;"));
    BOOST_TEST(client.seen.ends_with("end 3;"));
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_never_updates_windows_gets_everything) {
  spdy client;
  client.feed(client.open(1, "stdout"));
  client.sent(1);
  client.engine.write(1, std::string(1'000'000, 'x'));
  BOOST_TEST(client.sent(1).size() == 1'000'000u);
  BOOST_TEST(client.engine.held_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_does_flow_control_is_never_sent_more_than_its_window) {
  spdy client;
  client.feed(control(4, 0, be32(1) + be32(7) + be32(1000)) + client.open(1, "stdout"));
  client.sent(1);
  client.engine.write(1, std::string(2500, 'x'));
  client.engine.finish(1);
  BOOST_TEST(client.sent(1).size() == 1000u);
  BOOST_TEST(client.engine.held_bytes() == 1500u);
  client.feed(control(9, 0, be32(1) + be32(1400)));
  BOOST_TEST(client.sent(1).size() == 1400u);
  client.feed(control(9, 0, be32(1) + be32(1400)));
  BOOST_TEST(client.sent(1) == std::string(100, 'x') + "$");
  BOOST_TEST(client.engine.held_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(received_data_opens_the_window_again) {
  spdy client;
  client.feed(client.open(1, "stdin") + data(1, std::string(40'000, 'x')));
  BOOST_TEST(client.sent(1) == "<2><9>");
}

BOOST_AUTO_TEST_CASE(pings_are_answered_and_resets_are_reported) {
  spdy client;
  client.feed(client.open(1, "stdin") + control(6, 0, be32(5)) + control(3, 0, be32(1) + be32(5)));
  BOOST_TEST(client.sent(1) == "<2><6>");
  BOOST_TEST(client.seen.ends_with("reset 1;"));
  client.engine.write(1, "to nobody");
  BOOST_TEST(client.sent(1).empty());
  client.feed(data(1, "late data is dropped") + control(7, 0, be32(0) + be32(0)));
  BOOST_TEST(client.seen.ends_with("reset 1;finish ;"));
}

BOOST_AUTO_TEST_CASE(hostile_frames_end_the_session_with_a_reason) {
  const auto ends = [](const std::string& what, auto make) {
    spdy client;
    client.feed(make(client));
    BOOST_TEST(client.seen.find("finish ") != std::string::npos, what);
    BOOST_TEST(client.seen.find("finish ;") == std::string::npos, what);
  };
  ends("a control frame of 16 MB", [](spdy&) { return be32(0x80030001u) + be32(0xffffff) + "x"; });
  ends("another version",
       [](spdy&) { return be32(0x80020001u) + be32(10) + std::string(10, '\0'); });
  ends("data for a stream never opened", [](spdy&) { return data(1, "x"); });
  ends("an even stream", [](spdy& c) { return c.open(2, "x"); });
  ends("a stream twice", [](spdy& c) {
    auto first = c.open(1, "x");
    return first + c.open(1, "x");
  });
  ends("garbage for headers",
       [](spdy&) { return control(1, 0, be32(1) + be32(0) + std::string(40, 'g')); });
  ends("a header bomb", [](spdy& c) {
    return control(1, 0,
                   be32(1) + be32(0) + std::string(2, '\0') +
                       c.folder.fold({{"a", std::string(10'000'000, 'a')}}));
  });
  ends("a short SYN_STREAM", [](spdy&) { return control(1, 0, be32(1)); });
  ends("a short RST_STREAM", [](spdy&) { return control(3, 0, be32(1)); });
}

BOOST_AUTO_TEST_CASE(too_many_streams_are_refused_one_by_one) {
  spdy client;
  for (lane which = 1; which < 2 * spdy_lanes_max; which += 2) client.feed(client.open(which, "x"));
  client.sent(1);
  client.feed(client.open(2 * spdy_lanes_max + 1, "x"));
  BOOST_TEST(client.sent(1) == "<3>");
}

BOOST_AUTO_TEST_CASE(a_window_that_overflows_resets_its_stream) {
  spdy client;
  client.feed(client.open(1, "x") + control(9, 0, be32(1) + be32(0x7fffffff)));
  BOOST_TEST(client.sent(1) == "<2><3>");
}

BOOST_AUTO_TEST_SUITE_END()
