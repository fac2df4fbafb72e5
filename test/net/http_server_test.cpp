// A running server without TLS: every hostile request, keep-alive and pipelining, late answers,
// streams, slow and vanished clients, stopping.
#include "net/http/server.hpp"
#include "test/net/support/hostile_requests.hpp"
#include "test/net/support/raw_client.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

using namespace troupe;
using namespace troupe::http;
using namespace std::chrono_literals;
using test::raw_client;

namespace {

/// A value that a test waits for, with a deadline.
template<class T> class box {
public:
  void put(T value) {
    const std::lock_guard lock{mutex_};
    value_ = std::move(value);
    set_.notify_all();
  }
  T take() {
    std::unique_lock lock{mutex_};
    if (!set_.wait_for(lock, 10s, [this] { return value_.has_value(); }))
      throw std::runtime_error{"the awaited fact never came"};
    T out = std::move(*value_);
    value_.reset();
    return out;
  }

private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::optional<T> value_;
};

/// A server whose handler echoes what it understood.
struct echo_server {
  explicit echo_server(limits bounds = {}, handler handle = nullptr)
      : served{{.limits = bounds, .handle = handle ? handle : echo}} {
    BOOST_TEST_REQUIRE(served.start().has_value());
  }
  static void echo(request in, responder out) {
    out.reply(
        answer(200, "text/plain",
               std::string{to_string(in.verb())} + " " + std::string{in.target()} + " " + in.body));
  }
  uint16_t port() const { return served.port(); }

  server served;
};

std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: x\r\n" + std::string{headers} + "\r\n";
}

bool ends_with(std::string_view text, std::string_view end) { return text.ends_with(end); }

limits impatient() {
  limits out;
  out.head_deadline = out.body_deadline = out.idle_time = out.tls_hello_deadline = 50ms;
  out.write_stall = 50ms;
  out.deadline_granularity = 5ms;
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_server_test)

BOOST_AUTO_TEST_CASE(every_hostile_request_gets_its_status_and_the_connection_is_closed) {
  std::atomic<int> seen = 0;
  echo_server on{{}, [&](request in, responder out) {
                   ++seen;
                   echo_server::echo(std::move(in), std::move(out));
                 }};
  for (const auto& each : test::hostile_requests()) {
    raw_client client{on.port()};
    client.send(each.bytes);
    const auto text = client.until_close();
    bool right = false;
    for (const int status : each.statuses)
      right |= text.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
    BOOST_TEST(right, "row " << each.row << ", " << each.what << ": " << text.substr(0, 200));
    BOOST_TEST(text.find("\r\nDate: ") == text.rfind("\r\nDate: "),
               each.what << ": answered twice");
  }
  BOOST_TEST(seen == 0);
  raw_client after{on.port()};
  after.send(get("/still-here"));
  BOOST_TEST(ends_with(after.answer(), "GET /still-here "));
}

BOOST_AUTO_TEST_CASE(one_connection_carries_many_requests) {
  echo_server on;
  raw_client client{on.port()};
  for (int i = 0; i < 100; ++i) {
    client.send(get("/" + std::to_string(i)));
    const auto text = client.answer();
    BOOST_TEST(text.starts_with("HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(text.find("\r\nDate: ") != text.npos);
    BOOST_TEST(ends_with(text, "GET /" + std::to_string(i) + " "));
  }
  BOOST_TEST(on.served.counters().connections_total == 1u);
  BOOST_TEST(on.served.counters().answers.at(0).answers == 100u);
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order_even_when_answered_late) {
  box<responder> first;
  echo_server on{{}, [&](request in, responder out) {
                   if (in.path() == "/slow")
                     first.put(std::move(out));
                   else
                     echo_server::echo(std::move(in), std::move(out));
                 }};
  raw_client client{on.port()};
  client.send(get("/slow") + get("/a") +
              "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + get("/c"));
  first.take().reply(answer(200, "text/plain", "late"));
  BOOST_TEST(ends_with(client.answer(), "late"));
  BOOST_TEST(ends_with(client.answer(), "GET /a "));
  BOOST_TEST(ends_with(client.answer(), "POST /b abc"));
  BOOST_TEST(ends_with(client.answer(), "GET /c "));
}

BOOST_AUTO_TEST_CASE(ten_thousand_pipelined_requests_are_all_answered) {
  echo_server on;
  raw_client client{on.port()};
  std::thread sender{[&] {
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += get("/p");
    client.send(many);
  }};
  for (int i = 0; i < 10'000; ++i) BOOST_TEST_REQUIRE(ends_with(client.answer(), "GET /p "));
  sender.join();
}

BOOST_AUTO_TEST_CASE(a_head_request_gets_the_length_without_the_body) {
  echo_server on;
  raw_client client{on.port()};
  client.send("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next"));
  const auto head = client.until("\r\n\r\n");
  BOOST_TEST(head.find("Content-Length: 8\r\n") != head.npos);
  BOOST_TEST(ends_with(client.answer(), "GET /next "));
}

BOOST_AUTO_TEST_CASE(a_client_that_expects_continue_is_told_to) {
  echo_server on;
  raw_client client{on.port()};
  client.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  BOOST_TEST(client.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  BOOST_TEST(ends_with(client.answer(), "PUT /x abc"));
}

BOOST_AUTO_TEST_CASE(the_body_of_a_last_request_may_come_later) {
  // It was never read when the head had come alone and said that the connection ends after it.
  echo_server on;
  raw_client client{on.port()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n"
              "Content-Length: 2\r\n\r\n");
  client.until("100 Continue\r\n\r\n"); // the head has been seen
  client.send("hi");
  BOOST_TEST(ends_with(client.until_close(), "POST / hi"));
}

BOOST_AUTO_TEST_CASE(a_body_too_large_is_refused_before_it_is_sent) {
  echo_server on;
  raw_client client{on.port()};
  client.send(
      "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  BOOST_TEST(client.until_close().starts_with("HTTP/1.1 413 "));
}

BOOST_AUTO_TEST_CASE(a_body_of_exactly_the_limit_arrives_whole) {
  echo_server on{{}, [](request in, responder out) {
                   out.reply(answer(200, "text/plain", std::to_string(in.body.size())));
                 }};
  raw_client client{on.port()};
  const std::string body(3 * 1024 * 1024, 'x');
  client.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n" + body);
  BOOST_TEST(ends_with(client.answer(), "\r\n3145728"));
  client.send("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n300000\r\n" + body +
              "\r\n0\r\n\r\n");
  BOOST_TEST(ends_with(client.answer(), "\r\n3145728"));
}

BOOST_AUTO_TEST_CASE(a_request_nobody_answers_gets_a_500) {
  echo_server on{{}, [](request, responder) {}};
  raw_client client{on.port()};
  client.send(get("/"));
  BOOST_TEST(client.answer().starts_with("HTTP/1.1 500 "));
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_gets_a_500_and_the_server_lives) {
  echo_server on{{}, [](request in, responder out) {
                   if (in.path() == "/throw") throw std::runtime_error{"secret detail"};
                   echo_server::echo(std::move(in), std::move(out));
                 }};
  raw_client client{on.port()};
  client.send(get("/throw") + get("/ok"));
  const auto text = client.answer();
  BOOST_TEST(text.starts_with("HTTP/1.1 500 "));
  BOOST_TEST(text.find("secret") == text.npos);
  BOOST_TEST(ends_with(client.answer(), "GET /ok "));
}

BOOST_AUTO_TEST_CASE(a_large_answer_of_shared_buffers_arrives_unchanged) {
  const auto piece = share(std::string(1'000'003, 'p'));
  const auto small = share("small");
  echo_server on{{}, [&](request, responder out) {
                   out.reply({200, {}, {piece, small, piece, small, small, piece}});
                 }};
  raw_client client{on.port()};
  client.send(get("/"));
  const auto text = client.answer();
  const auto expected = *piece + *small + *piece + *small + *small + *piece;
  BOOST_TEST((text.substr(text.find("\r\n\r\n") + 4) == expected));
}

BOOST_AUTO_TEST_CASE(header_values_cannot_split_an_answer) {
  echo_server on{{}, [](request, responder out) {
                   out.reply({200, {{"Warning", "299 - \"a\r\nSet-Cookie: evil\""}}, {}});
                 }};
  raw_client client{on.port()};
  client.send(get("/"));
  BOOST_TEST(client.answer().find("\r\nSet-Cookie") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stream_arrives_piece_by_piece_and_the_connection_goes_on) {
  box<http::stream> streams;
  echo_server on{{}, [&](request in, responder out) {
                   if (in.path() == "/watch")
                     streams.put(out.stream(200, {{"Content-Type", "application/json"}}));
                   else
                     echo_server::echo(std::move(in), std::move(out));
                 }};
  raw_client client{on.port()};
  client.send(get("/watch"));
  auto watch = streams.take();
  BOOST_TEST(client.until("\r\n\r\n").find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  watch.write("event one\n");
  BOOST_TEST(client.until("one\n\r\n") == "a\r\nevent one\n\r\n");
  watch.write("event two\n");
  BOOST_TEST(client.until("two\n\r\n") == "a\r\nevent two\n\r\n");
  watch.finish();
  BOOST_TEST(client.until("0\r\n\r\n") == "0\r\n\r\n");
  client.send(get("/after"));
  BOOST_TEST(ends_with(client.answer(), "GET /after "));
}

BOOST_AUTO_TEST_CASE(a_stream_to_http_1_0_ends_with_the_connection) {
  box<http::stream> streams;
  echo_server on{{}, [&](request, responder out) { streams.put(out.stream(200, {})); }};
  raw_client client{on.port()};
  client.send("GET / HTTP/1.0\r\n\r\n");
  auto watch = streams.take();
  watch.write("one ");
  watch.write("two");
  watch.finish();
  const auto text = client.until_close();
  BOOST_TEST(ends_with(text, "\r\n\r\none two"));
  BOOST_TEST(text.find("chunked") == text.npos);
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_dropped_breaks_the_connection_instead_of_looking_whole) {
  echo_server on{{}, [&](request, responder out) {
                   auto half = out.stream(200, {});
                   half.write("half");
                 }};
  raw_client client{on.port()};
  client.send(get("/"));
  const auto text = client.until_close();
  BOOST_TEST(text.find("0\r\n\r\n") == text.npos);
}

BOOST_AUTO_TEST_CASE(a_stream_hears_when_its_client_leaves) {
  box<http::stream> streams;
  box<gone> reasons;
  echo_server on{{}, [&](request, responder out) {
                   auto made = out.stream(200, {});
                   made.on_closed([&](gone why) { reasons.put(why); });
                   streams.put(std::move(made));
                 }};
  std::optional<raw_client> client{on.port()};
  client->send(get("/"));
  auto watch = streams.take();
  client.reset();
  BOOST_TEST((reasons.take() == gone::left));
  BOOST_TEST(!watch.write("x"));
}

BOOST_AUTO_TEST_CASE(a_handler_hears_when_its_client_leaves_before_the_answer) {
  box<gone> reasons;
  box<responder> waiting;
  echo_server on{{}, [&](request, responder out) {
                   out.on_gone([&](gone why) { reasons.put(why); });
                   waiting.put(std::move(out));
                 }};
  std::optional<raw_client> client{on.port()};
  client->send(get("/"));
  auto unanswered = waiting.take();
  client.reset();
  BOOST_TEST((reasons.take() == gone::left));
}

BOOST_AUTO_TEST_CASE(a_client_that_closed_only_its_own_side_still_gets_its_answer) {
  box<responder> waiting;
  box<gone> reasons;
  echo_server on{{}, [&](request, responder out) {
                   out.on_gone([&](gone why) { reasons.put(why); });
                   waiting.put(std::move(out));
                 }};
  raw_client client{on.port()};
  client.send(get("/"));
  client.half_close();
  auto late = waiting.take();
  reasons.take();
  late.reply(answer(200, "text/plain", "still"));
  BOOST_TEST(ends_with(client.until_close(), "still"));
}

BOOST_AUTO_TEST_CASE(a_watch_client_that_never_reads_is_dropped_and_costs_a_bounded_amount) {
  limits bounds;
  bounds.stream_queue_bytes_max = 256 * 1024;
  box<http::stream> streams;
  box<gone> reasons;
  echo_server on{bounds, [&](request, responder out) {
                   auto made = out.stream(200, {});
                   made.on_closed([&](gone why) { reasons.put(why); });
                   streams.put(std::move(made));
                 }};
  raw_client client{on.port(), nullptr, 4096};
  client.send(get("/"));
  auto watch = streams.take();
  const auto event = share(std::string(10'000, 'e'));
  size_t most = 0;
  while (watch.write(event)) most = std::max(most, watch.queued_bytes());
  BOOST_TEST((reasons.take() == gone::too_slow));
  BOOST_TEST(most <= bounds.stream_queue_bytes_max + 20'000);
  BOOST_TEST(on.served.counters().slow_readers_dropped == 1u);
}

BOOST_AUTO_TEST_CASE(a_stream_tells_when_everything_written_is_gone) {
  box<bool> drained;
  box<http::stream> streams;
  echo_server on{{}, [&](request, responder out) {
                   auto made = out.stream(200, {});
                   made.on_drained([&] { drained.put(true); });
                   streams.put(std::move(made));
                 }};
  raw_client client{on.port()};
  client.send(get("/"));
  auto watch = streams.take();
  watch.write(std::string(100'000, 'x'));
  client.exactly(100'000);
  BOOST_TEST(drained.take());
  BOOST_TEST(watch.queued_bytes() == 0u);
  watch.finish();
}

BOOST_AUTO_TEST_CASE(who_writes_sees_what_waits_while_the_socket_takes_nothing) {
  // It saw what had waited when the socket became full, wrote on, and its reader was dropped.
  constexpr size_t enough = 1 << 20, piece_bytes = 64 * 1024;
  const auto piece = share(std::string(piece_bytes, 'p'));
  box<http::stream> streams;
  size_t written = 0;
  echo_server on{{}, [&](request, responder out) {
                   // On the connection's own thread each write is tried before it returns.
                   auto made = out.stream(200, {});
                   while (made.queued_bytes() < enough && written < 16 * enough) {
                     BOOST_TEST(made.write(piece));
                     written += piece_bytes;
                   }
                   BOOST_TEST(made.queued_bytes() >= enough);
                   BOOST_TEST(made.queued_bytes() <= written);
                   streams.put(std::move(made));
                 }};
  raw_client client{on.port(), nullptr, 4096};
  client.send(get("/"));
  auto watch = streams.take();
  watch.finish();
  size_t received = 0;
  client.until("\r\n\r\n");
  for (size_t size = 1; size > 0; received += size) {
    size = std::stoul(client.until("\r\n"), nullptr, 16);
    client.exactly(size);
    client.exactly(2);
  }
  BOOST_TEST(received == written);
  BOOST_TEST(on.served.counters().slow_readers_dropped == 0u);
}

BOOST_AUTO_TEST_CASE(what_waits_for_the_connection_goes_as_one_chunk) {
  box<http::stream> streams;
  box<bool> written;
  echo_server on{{}, [&](request, responder out) {
                   streams.put(out.stream(200, {}));
                   written.take(); // the connection has no time until then
                 }};
  raw_client client{on.port()};
  client.send(get("/"));
  auto watch = streams.take();
  for (auto event : {"event one\n", "", "event two\n", "event three\n"}) watch.write(event);
  written.put(true);
  client.until("\r\n\r\n");
  BOOST_TEST(client.until("three\n\r\n") == "20\r\nevent one\nevent two\nevent three\n\r\n");
  watch.write(""); // as a chunk, that would be the end
  watch.write("event four\n");
  BOOST_TEST(client.until("four\n\r\n") == "b\r\nevent four\n\r\n");
  watch.finish();
  BOOST_TEST(client.until("0\r\n\r\n") == "0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_client_that_takes_no_byte_of_its_answer_is_dropped) {
  const auto large = share(std::string(20'000'000, 'x'));
  echo_server on{impatient(), [&](request, responder out) { out.reply({200, {}, {large}}); }};
  raw_client client{on.port(), nullptr, 4096};
  client.send(get("/"));
  while (on.served.counters().slow_readers_dropped == 0) std::this_thread::yield();
  BOOST_TEST(on.served.counters().slow_readers_dropped == 1u);
}

BOOST_AUTO_TEST_CASE(a_head_that_takes_too_long_gets_a_408) {
  echo_server on{impatient()};
  raw_client client{on.port()};
  client.send("GET / HTTP/1.1\r\nHos");
  BOOST_TEST(client.until_close().starts_with("HTTP/1.1 408 "));
}

BOOST_AUTO_TEST_CASE(a_body_that_takes_too_long_gets_a_408) {
  echo_server on{impatient()};
  raw_client client{on.port()};
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  BOOST_TEST(client.until_close().starts_with("HTTP/1.1 408 "));
  BOOST_TEST(on.served.counters().requests_timed_out == 1u);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_in_the_end) {
  echo_server on{impatient()};
  raw_client silent{on.port()};
  BOOST_TEST(silent.closed_by_server());
  raw_client client{on.port()};
  client.send(get("/"));
  client.answer();
  BOOST_TEST(client.closed_by_server());
}

BOOST_AUTO_TEST_CASE(one_address_may_hold_only_so_many_connections) {
  limits bounds;
  bounds.connections_per_ip_max = 3;
  echo_server on{bounds};
  std::vector<std::unique_ptr<raw_client>> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(std::make_unique<raw_client>(on.port()));
    held.back()->send(get("/"));
    held.back()->answer();
  }
  raw_client one_more{on.port()};
  BOOST_TEST(one_more.closed_by_server());
  BOOST_TEST(on.served.counters().connections_refused == 1u);
  held.pop_back();
  while (on.served.counters().connections_now == 3) std::this_thread::yield();
  raw_client again{on.port()};
  again.send(get("/again"));
  BOOST_TEST(ends_with(again.answer(), "GET /again "));
}

BOOST_AUTO_TEST_CASE(the_admission_hook_refuses_before_the_body_is_read) {
  server on{
      {.handle = echo_server::echo, .admit = [](const request& in) -> std::optional<response> {
         if (in.path() == "/busy") return too_many_requests(7, "come back later");
         return {};
       }}};
  BOOST_TEST_REQUIRE(on.start().has_value());
  raw_client client{on.port()};
  client.send(get("/busy") + get("/free"));
  const auto text = client.answer();
  BOOST_TEST(text.starts_with("HTTP/1.1 429 "));
  BOOST_TEST(text.find("\r\nRetry-After: 7\r\n") != text.npos);
  BOOST_TEST(ends_with(client.answer(), "GET /free "));
  client.send("PUT /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  BOOST_TEST(client.until_close().starts_with("HTTP/1.1 429 "));
}

BOOST_AUTO_TEST_CASE(after_an_upgrade_bytes_go_both_ways_and_early_bytes_are_kept) {
  box<duplex> channels;
  box<gone> reasons;
  echo_server on{{}, [&](request, responder out) {
                   channels.put(out.upgrade({{"Upgrade", "test"}, {"Connection", "Upgrade"}}));
                 }};
  raw_client client{on.port()};
  client.send(get("/", "Upgrade: test\r\nConnection: Upgrade\r\n") + "early");
  auto channel = channels.take();
  const auto head = client.until("\r\n\r\n");
  BOOST_TEST(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  BOOST_TEST(head.find("Content-Length") == head.npos);
  channel.on_closed([&](gone why) { reasons.put(why); });
  channel.on_data([&](std::string_view data) { channel.write("<" + std::string{data} + ">"); });
  BOOST_TEST(client.until(">") == "<early>");
  client.send("late");
  BOOST_TEST(client.until(">") == "<late>");
  client.half_close();
  BOOST_TEST((reasons.take() == gone::left));
}

BOOST_AUTO_TEST_CASE(stopping_lets_an_answer_under_way_finish) {
  box<responder> waiting;
  auto on = std::make_unique<echo_server>(
      limits{}, [&](request, responder out) { waiting.put(std::move(out)); });
  raw_client client{on->port()};
  client.send(get("/"));
  auto late = waiting.take();
  auto stopped = std::async(std::launch::async, [&] { on->served.stop(); });
  late.reply(answer(200, "text/plain", "whole"));
  const auto text = client.until_close();
  BOOST_TEST(ends_with(text, "whole"));
  BOOST_TEST((stopped.wait_for(10s) == std::future_status::ready));
}

BOOST_AUTO_TEST_CASE(stopping_ends_streams_as_whole_answers) {
  box<http::stream> streams;
  box<gone> reasons;
  auto on = std::make_unique<echo_server>(limits{}, [&](request, responder out) {
    auto made = out.stream(200, {});
    made.on_closed([&](gone why) { reasons.put(why); });
    streams.put(std::move(made));
  });
  raw_client client{on->port()};
  client.send(get("/"));
  auto watch = streams.take();
  watch.write("event");
  client.until("event\r\n");
  on->served.stop();
  BOOST_TEST((reasons.take() == gone::server_stopping));
  BOOST_TEST(client.until_close() == "0\r\n\r\n");
  BOOST_TEST(!watch.write("late"));
}

BOOST_AUTO_TEST_CASE(stopping_does_not_wait_longer_than_the_grace_time_for_a_handler_that_hangs) {
  box<responder> waiting;
  server on{
      {.handle = [&](request, responder out) { waiting.put(std::move(out)); }, .stop_grace = 20ms}};
  BOOST_TEST_REQUIRE(on.start().has_value());
  raw_client client{on.port()};
  client.send(get("/"));
  auto hung = waiting.take();
  on.stop();
  BOOST_TEST(client.closed_by_server());
  hung.reply(answer(200, "text/plain", "nobody hears this"));
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_an_error_that_names_it) {
  echo_server on;
  server second{{.port = on.port(), .handle = echo_server::echo}};
  const auto started = second.start();
  BOOST_TEST_REQUIRE(!started.has_value());
  BOOST_TEST(started.error().message.find(std::to_string(on.port())) != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
