// exec and port-forward over a real connection with a fake backend, spoken to as kubectl does.
#include "net/http/server.hpp"
#include "net/streams/event_socket.hpp"
#include "net/streams/exec.hpp"
#include "net/streams/forward.hpp"
#include "net/streams/spdy_headers.hpp"
#include "test/net/support/websocket_client.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using namespace troupe;
using namespace troupe::streams;
using test::masked_frame;
using test::raw_client;
using test::read_frame;

namespace {

/// Echoes stdin to stdout and reports sizes on it; the end of stdin is exit code 3.
exec_session::callbacks echo(const std::shared_ptr<exec_session>& on) {
  exec_session::callbacks calls;
  calls.on_stdin = [on](std::string_view data) { on->write_stdout(data); };
  calls.on_stdin_end = [on] { on->exit(3); };
  calls.on_resize = [on](int width, int height) {
    on->write_stdout(std::to_string(width) + "x" + std::to_string(height));
  };
  return calls;
}

struct exec_server {
  exec_server()
      : served{{.handle = [](http::request in, http::responder out) {
          const auto chosen = choose_exec(in);
          const auto wanted = read_exec_streams(*in.query());
          if (!chosen || !wanted) return out.reply(http::plain_answer(400, "no"));
          exec_session::start(std::move(out), *chosen, *wanted, echo);
        }}} {
    BOOST_TEST_REQUIRE(served.start().has_value());
  }
  http::server served;
};

/// Whatever port is asked for sends back what comes.
void forward_to_echo(http::request in, http::responder out) {
  start_forward(std::move(out), *choose_forward(in), *read_ports(*in.query()),
                [](uint16_t, std::shared_ptr<forward_connection> on) {
                  forward_connection::callbacks calls;
                  calls.on_data = [on](std::string_view data) { on->write(data); };
                  return calls;
                });
}

} // namespace

BOOST_AUTO_TEST_SUITE(exec_test)

BOOST_AUTO_TEST_CASE(exec_over_version_5_channels_echoes_and_ends_with_the_exit_code) {
  exec_server on;
  raw_client client{on.served.port()};
  client.send(test::upgrade_request("/?stdin=true&stdout=true&tty=true", "v5.channel.k8s.io"));
  BOOST_TEST(client.until("\r\n\r\n").find("Sec-WebSocket-Protocol: v5.channel.k8s.io") !=
             std::string::npos);
  BOOST_TEST(read_frame(client).second == "\x01"); // the session stands
  client.send(masked_frame(0x82, std::string{"\0hello", 6}));
  BOOST_TEST(read_frame(client).second == "\x01hello");
  client.send(masked_frame(0x82, "\x04{\"Width\":80,\"Height\":24}\n"));
  BOOST_TEST(read_frame(client).second == "\x01"
                                          "80x24");
  client.send(masked_frame(0x82, {'\xff', '\0'}));
  const auto status = read_frame(client).second;
  BOOST_TEST(status.front() == 3);
  BOOST_TEST(status.find(R"("causes":[{"reason":"ExitCode","message":"3"}])") != status.npos);
  BOOST_TEST((read_frame(client) == std::pair(uint8_t{0x88}, std::string{"\x03\xe8", 2})));
  BOOST_TEST(client.closed_by_server());
}

BOOST_AUTO_TEST_CASE(a_message_too_large_closes_with_1009) {
  exec_server on;
  raw_client client{on.served.port()};
  client.send(test::upgrade_request("/?stdin=true&stdout=true", "v4.channel.k8s.io"));
  client.until("\r\n\r\n");
  read_frame(client);
  client.send(std::string{"\x82\xff\x00\x00\x00\x00\xff\xff\xff\xff"
                          "mask",
                          14});
  const auto [kind, payload] = read_frame(client);
  BOOST_TEST(kind == 0x88);
  BOOST_TEST(payload.starts_with(std::string{"\x03\xf1", 2}));
  BOOST_TEST(client.closed_by_server());
}

BOOST_AUTO_TEST_CASE(a_spdy_client_that_never_opens_its_streams_is_given_up) {
  http::limits bounds;
  bounds.deadline_granularity = std::chrono::milliseconds{5};
  http::server served{
      {.limits = bounds, .handle = [](http::request, http::responder out) {
         auto over = out.upgrade({{"Upgrade", "SPDY/3.1"}, {"Connection", "Upgrade"}});
         over.limit_time(std::chrono::milliseconds{20});
         session::start(std::move(over), make_engine({}),
                        [](auto&) { return session::callbacks{}; });
       }}};
  BOOST_TEST_REQUIRE(served.start().has_value());
  raw_client client{served.port()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n");
  client.until("\r\n\r\n");
  BOOST_TEST(client.closed_by_server());
}

// What came with the handshake was heard by a session that nobody knew yet: the server fell over
// it.
BOOST_AUTO_TEST_CASE(a_spdy_client_may_open_its_streams_with_its_handshake) {
  exec_server on;
  raw_client client{on.served.port()};
  spdy_deflater folder;
  const auto open = [&](char which, const char* type) {
    auto body = std::string{"\0\0\0", 3} + which + std::string(6, '\0') +
                folder.fold({{"streamtype", type}});
    return std::string{"\x80\x03\0\x01\0\0\0", 7} + static_cast<char>(body.size()) + body;
  };
  std::string text =
      "POST /?stdout=true HTTP/1.1\r\nHost: x\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n"
      "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n";
  text += open(1, "error");
  text += open(3, "error");
  text += open(5, "stdout");
  client.send(text);
  client.until("\r\n\r\n");
  client.until(std::string{"\x80\x03\0\x02", 4}); // each is answered,
  client.until(
      std::string{"\x80\x03\0\x03\0\0\0\x08\0\0\0\x03", 12}); // the second of a kind refused
}

BOOST_AUTO_TEST_CASE(a_port_forward_hears_what_came_with_its_handshake) {
  http::server served{{.handle = forward_to_echo}};
  BOOST_TEST_REQUIRE(served.start().has_value());
  raw_client client{served.port()};
  client.send(test::upgrade_request("/?ports=80", "v4.channel.k8s.io") +
              masked_frame(0x82, std::string{"\0ping", 5}));
  client.until(std::string{"\0ping", 5});
  raw_client leaving{served.port()}; // this one nobody forwards anything for
  leaving.send(test::upgrade_request("/?ports=80", "v4.channel.k8s.io") + masked_frame(0x88, ""));
  BOOST_TEST(leaving.until_close().starts_with("HTTP/1.1 101 "));
}

BOOST_AUTO_TEST_CASE(port_forward_over_channels_starts_with_the_port_and_carries_data) {
  http::server served{{.handle = forward_to_echo}};
  BOOST_TEST_REQUIRE(served.start().has_value());
  raw_client client{served.port()};
  client.send(test::upgrade_request("/?ports=8080", "v4.channel.k8s.io"));
  client.until("\r\n\r\n");
  BOOST_TEST(read_frame(client).second == std::string("\0\x90\x1f", 3));
  BOOST_TEST(read_frame(client).second == std::string("\x01\x90\x1f", 3));
  client.send(masked_frame(0x82, std::string{"\0ping", 5}));
  BOOST_TEST(read_frame(client).second == std::string("\0ping", 5));
}

BOOST_AUTO_TEST_CASE(a_watch_over_websocket_sends_one_message_per_event) {
  const auto large = http::share(std::string(70'000, 'e'));
  http::server served{{.handle = [&](http::request in, http::responder out) {
    auto watch = event_socket::start(in, out);
    if (!watch) return out.reply(http::plain_answer(400, watch.error().message));
    watch->write(http::share("{\"type\":\"ADDED\"}"));
    watch->write(large);
    watch->finish();
  }}};
  BOOST_TEST_REQUIRE(served.start().has_value());
  raw_client client{served.port()};
  client.send(test::upgrade_request("/api/v1/pods?watch=true", "base64.binary.k8s.io"));
  client.until("\r\n\r\n");
  BOOST_TEST((read_frame(client) == std::pair(uint8_t{0x81}, std::string{"{\"type\":\"ADDED\"}"})));
  BOOST_TEST((read_frame(client) == std::pair(uint8_t{0x81}, *large)));
  BOOST_TEST(read_frame(client).first == 0x88);
  BOOST_TEST(client.closed_by_server());
  raw_client confused{served.port()};
  confused.send("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n");
  BOOST_TEST(confused.answer().starts_with("HTTP/1.1 400 "));
}

// The handle was empty when the watch asked to hear of its end, and the server fell over it.
BOOST_AUTO_TEST_CASE(a_watch_whose_client_leaves_with_its_handshake_hears_of_its_end) {
  std::promise<http::gone> end;
  http::server served{{.handle = [&](http::request in, http::responder out) {
    auto watch = event_socket::start(
        in, out, true,
        {.on_drained = {}, .on_closed = [&](http::gone why) { end.set_value(why); }});
    BOOST_TEST_REQUIRE(watch.has_value());
    watch->write(http::share("{}"));
    BOOST_TEST(watch->queued_bytes() == 0u);
  }}};
  BOOST_TEST_REQUIRE(served.start().has_value());
  raw_client client{served.port()};
  client.send(test::upgrade_request("/api/v1/pods?watch=true", "") + masked_frame(0x88, "") +
              masked_frame(0x82, "more"));
  client.until("\r\n\r\n");
  BOOST_TEST(read_frame(client).first == 0x88);
  BOOST_TEST(client.closed_by_server());
  auto told = end.get_future();
  BOOST_TEST_REQUIRE((told.wait_for(std::chrono::seconds(10)) == std::future_status::ready));
  BOOST_TEST((told.get() == http::gone::finished));
}

BOOST_AUTO_TEST_CASE(an_exec_must_ask_for_a_stream) {
  const auto wants = [](std::string_view text) {
    return read_exec_streams(*http::query::parse(text)).has_value();
  };
  BOOST_TEST(wants("stdout=true"));
  BOOST_TEST(!wants("command=ls"));
  BOOST_TEST(!wants("stdin=false"));
  BOOST_TEST(!read_exec_streams(*http::query::parse("stdin=1&stderr=1&tty=1"))->err);
}

BOOST_AUTO_TEST_CASE(a_status_escapes_what_it_quotes) {
  BOOST_TEST(
      failure_status("a \"b\"\n\\") ==
      R"({"metadata":{},"status":"Failure","message":"a \"b\"\u000a\\","reason":"InternalError","code":500})");
}

BOOST_AUTO_TEST_SUITE_END()
