// Requests over a link in memory: whole answers, streams and channels, slow readers, and what
// becomes of them when the link goes down.
#include "net/link/requests.hpp"
#include "net/link/sim_network.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::link;
using namespace std::chrono_literals;

namespace {

/// A client: what it was answered, and the means to be slow.
struct client : http::exchange, http::sink, std::enable_shared_from_this<client> {
  int status = 0;
  std::string body;
  bool whole = false, finished = false, aborted = false, slow = false;
  size_t queued = 0;
  std::function<void()> drained;
  std::function<void(std::string_view)> to_server;
  std::function<void(http::gone)> closed;

  void reply(http::response what) override {
    status = what.status;
    whole = true;
    for (auto& part : what.body) body += *part;
  }
  std::shared_ptr<http::sink> open(int code, http::header_list, bool) override {
    status = code;
    return shared_from_this();
  }
  void on_gone(std::function<void(http::gone)>) override {}
  bool write(http::bytes data) override {
    body += *data;
    if (slow) queued += data->size();
    return true;
  }
  void finish() override {
    finished = true;
    if (auto call = std::exchange(closed, nullptr)) call(http::gone::finished);
  }
  void abort() override {
    aborted = true;
    if (auto call = std::exchange(closed, nullptr)) call(http::gone::left);
  }
  size_t queued_bytes() const override { return queued; }
  void on_drained(std::function<void()> call) override { drained = std::move(call); }
  void on_closed(std::function<void(http::gone)> call) override { closed = std::move(call); }
  void on_data(std::function<void(std::string_view)> call) override { to_server = std::move(call); }
  void read(bool) override {}
  void limit_time(std::optional<std::chrono::milliseconds>) override {}
};

/// Two machines, each with a door.
struct stage {
  sim_network net{{.seed = 7, .mux = with_requests()}, time_point{}};
  std::shared_ptr<requests> a, b;
  time_point now{};

  explicit stage(door serves) {
    net.add("a", [this](auto c) { return up(a, std::move(c), nullptr); });
    net.add("b", [this, serves](auto c) { return up(b, std::move(c), serves); });
    net.connect("a", "b");
    run();
  }
  static connection::callbacks up(std::shared_ptr<requests>& end, std::shared_ptr<connection> over,
                                  door serves) {
    end = std::make_shared<requests>(std::move(over), std::move(serves));
    return {.on_message = [end](stream, std::string_view m) { BOOST_TEST(end->heard(m)); },
            .on_down = [end](std::string_view) { end->down(); }};
  }
  void run(std::chrono::milliseconds time = 200ms) { net.advance(now += time); }

  std::shared_ptr<client> ask(const std::string& text) {
    auto asker = std::make_shared<client>();
    a->ask(*http::request::parse(text), http::responder{asker});
    run();
    return asker;
  }
};

const std::string get = "GET /logs?follow=1 HTTP/1.1\r\nHost: x\r\nX-Word: yes\r\n\r\n";

} // namespace

BOOST_AUTO_TEST_SUITE(requests_test)

BOOST_AUTO_TEST_CASE(a_whole_answer_of_many_windows_arrives) {
  const std::string much(5'000'000, 'm');
  stage s{[&](http::request in, http::responder to) {
    BOOST_TEST(in.path() == "/logs");
    BOOST_TEST(in.raw_query() == "follow=1");
    BOOST_TEST(in.header("x-word") == "yes");
    BOOST_TEST(in.from->certificate->common_name == "a");
    to.reply(http::answer(201, "text/plain", much));
  }};
  auto got = s.ask(get);
  BOOST_TEST(got->status == 201);
  BOOST_TEST(got->whole);
  BOOST_TEST((got->body == much));
}

BOOST_AUTO_TEST_CASE(a_body_goes_along) {
  stage s{[&](http::request in, http::responder to) {
    to.reply(http::answer(200, "text/plain", std::string(http::to_string(in.verb())) + in.body));
  }};
  auto got = s.ask("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  BOOST_TEST(got->body == "POSTabc");
}

BOOST_AUTO_TEST_CASE(who_may_ask_nothing_is_told_so) {
  stage s{nullptr};
  BOOST_TEST(s.ask(get)->status == 403);
}

BOOST_AUTO_TEST_CASE(an_unanswered_request_fails) {
  stage s{[](http::request, http::responder) {}};
  BOOST_TEST(s.ask(get)->status == 500);
}

BOOST_AUTO_TEST_CASE(a_stream_arrives_piece_by_piece_and_ends) {
  http::stream out;
  bool left = false;
  stage s{[&](http::request, http::responder to) {
    out = to.stream(200, {});
    out.on_closed([&](http::gone why) { left = why == http::gone::finished; });
  }};
  auto got = s.ask(get);
  out.write(std::string("one "));
  s.run();
  BOOST_TEST(got->body == "one ");
  out.write(std::string("two"));
  out.finish();
  s.run();
  BOOST_TEST(got->body == "one two");
  BOOST_TEST(got->finished);
  BOOST_TEST(left);
}

BOOST_AUTO_TEST_CASE(a_stream_that_breaks_is_told_apart_from_one_that_ends) {
  http::stream out;
  stage s{[&](http::request, http::responder to) { out = to.stream(200, {}); }};
  auto got = s.ask(get);
  out = {};
  s.run();
  BOOST_TEST(got->aborted);
}

BOOST_AUTO_TEST_CASE(a_slow_client_holds_up_its_own_stream_alone) {
  std::vector<http::stream> outs;
  stage s{[&](http::request, http::responder to) { outs.push_back(to.stream(200, {})); }};
  auto slow = s.ask(get), quick = s.ask(get);
  slow->slow = true;
  for (int i = 0; i < 40; ++i)
    for (auto& out : outs) out.write(std::string(50'000, 'x'));
  s.run();
  BOOST_TEST(quick->body.size() == 2'000'000u);
  BOOST_TEST(slow->body.size() < 600'000u);
  BOOST_TEST(outs[0].queued_bytes() > 1'000'000u);
  for (int i = 0; i < 100 && slow->body.size() < 2'000'000; ++i) {
    slow->queued = 0;
    if (slow->drained) slow->drained();
    s.run();
  }
  BOOST_TEST(slow->body.size() == 2'000'000u);
  for (auto& out : outs) out.finish();
  s.run();
  BOOST_TEST(slow->finished);
}

BOOST_AUTO_TEST_CASE(a_reader_that_never_reads_is_given_up) {
  http::stream out;
  stage s{[&](http::request, http::responder to) { out = to.stream(200, {}); }};
  auto got = s.ask(get);
  got->slow = true;
  bool taken = true;
  for (int i = 0; i < 400 && taken; ++i) taken = out.write(std::string(50'000, 'x'));
  BOOST_TEST(!taken);
}

BOOST_AUTO_TEST_CASE(a_channel_carries_bytes_both_ways) {
  http::duplex echo;
  stage s{[&](http::request, http::responder to) {
    echo = to.upgrade({});
    echo.on_data([&](std::string_view data) { echo.write("<" + std::string(data) + ">"); });
  }};
  auto got = s.ask(get);
  BOOST_TEST(got->status == 101);
  got->to_server("hello");
  s.run();
  BOOST_TEST(got->body == "<hello>");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_is_told_to_who_serves) {
  http::stream out;
  std::optional<http::gone> why;
  stage s{[&](http::request, http::responder to) {
    out = to.stream(200, {});
    out.on_closed([&](http::gone w) { why = w; });
  }};
  auto got = s.ask(get);
  got->closed(http::gone::left);
  s.run();
  BOOST_TEST((why == http::gone::left));
  BOOST_TEST(!out.write(std::string("more")));
}

BOOST_AUTO_TEST_CASE(a_lost_link_ends_everything_on_it) {
  http::stream out;
  http::responder waiting;
  stage s{[&](http::request in, http::responder to) {
    if (in.path() == "/logs") {
      out = to.stream(200, {});
    } else {
      waiting = std::move(to);
    }
  }};
  auto streaming = s.ask(get);
  auto unanswered = s.ask("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  auto old = s.a;
  s.net.crash("b");
  s.run();
  BOOST_TEST(streaming->aborted);
  BOOST_TEST(unanswered->status == 503);
  auto late = std::make_shared<client>();
  old->ask(*http::request::parse(get), http::responder{late});
  s.run();
  BOOST_TEST(late->status == 503);
  // While there is still a network on which they can say so.
  waiting = {};
  out = {};
}

BOOST_AUTO_TEST_CASE(who_serves_hears_of_a_lost_link) {
  http::stream out;
  bool gone = false;
  stage s{[&](http::request, http::responder to) {
    out = to.stream(200, {});
    out.on_closed([&](http::gone) { gone = true; });
  }};
  s.ask(get);
  s.net.crash("a");
  s.run();
  BOOST_TEST(gone);
  BOOST_TEST(!out.write(std::string("x")));
  out = {};
}

BOOST_AUTO_TEST_CASE(only_so_many_are_under_way) {
  std::vector<http::responder> held;
  stage s{[&](http::request, http::responder to) { held.push_back(std::move(to)); }};
  for (size_t i = 0; i < requests_max; ++i) s.ask(get);
  BOOST_TEST(held.size() == requests_max);
  BOOST_TEST(s.ask(get)->status == 429);
  held.pop_back();
  s.run();
  held.pop_back();
  s.run();
  s.ask(get);
  BOOST_TEST(held.size() == requests_max - 1);
}

BOOST_AUTO_TEST_SUITE_END()
