// The link's protocol without sockets or clocks: two sides that talk, and one side against a peer
// that breaks every rule.
#include "net/link/mux.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <vector>

using namespace troupe::link;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{};

payload text(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

struct side : mux_events {
  explicit side(mux_settings settings = {}) : talk{settings, start} {}
  void on_ready(const hello& from_peer) override { ready = from_peer; }
  void on_message(stream on, std::string_view message) override {
    got[on].emplace_back(message);
    order.push_back(on);
  }
  /// Moves up to `bytes` to `other`, in pieces of `step`; returns how many.
  size_t tell(side& other, size_t bytes = 1u << 30, size_t step = 100'000) {
    std::string out;
    talk.fill(out, bytes);
    for (size_t at = 0; at < out.size(); at += step)
      if (const auto bad = other.talk.feed(std::string_view{out}.substr(at, step), start, other)) {
        other.broken = *bad;
        break;
      }
    return out.size();
  }

  mux talk;
  std::optional<hello> ready;
  std::map<stream, std::vector<std::string>> got;
  std::vector<stream> order;
  std::string broken;
};

struct pair_of_sides {
  explicit pair_of_sides(mux_settings settings = {}) : a{settings}, b{settings} {
    a.tell(b);
    b.tell(a);
  }
  side a, b;
};

/// What a fresh, introduced side says to these bytes.
std::string verdict(const std::string& bytes) {
  pair_of_sides both;
  const auto bad = both.b.talk.feed(bytes, start, both.b);
  return bad ? std::string{*bad} : "";
}

std::string frame(uint32_t size, uint8_t kind, uint8_t on, std::string body, uint16_t flags = 0) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += static_cast<char>(size >> (8 * i));
  out += static_cast<char>(kind);
  out += static_cast<char>(on);
  out += static_cast<char>(flags);
  out += static_cast<char>(flags >> 8);
  return out + body;
}

} // namespace

BOOST_AUTO_TEST_SUITE(mux_test)

BOOST_AUTO_TEST_CASE(two_sides_introduce_themselves_and_talk) {
  mux_settings settings;
  settings.generation = 7;
  pair_of_sides both{settings};
  BOOST_TEST_REQUIRE(both.b.ready.has_value());
  BOOST_TEST(both.b.ready->generation == 7u);
  BOOST_TEST(both.b.ready->version == 1);
  both.a.talk.send(stream::raft, text("vote"));
  both.a.talk.send(stream::messages, text(""));
  both.a.tell(both.b);
  BOOST_TEST(both.b.got[stream::raft].at(0) == "vote");
  BOOST_TEST(both.b.got[stream::messages].at(0) == "");
}

BOOST_AUTO_TEST_CASE(messages_arrive_whole_however_the_bytes_are_cut) {
  for (const size_t step : {1, 7, 8, 9, 4096}) {
    pair_of_sides both;
    std::string large;
    for (int i = 0; i < 60'000; ++i) large += static_cast<char>('a' + i % 25);
    both.a.talk.send(stream::messages, text("one"));
    both.a.talk.send(stream::messages, text(large));
    both.a.talk.send(stream::messages, text("three"));
    both.a.tell(both.b, 1u << 30, step);
    BOOST_TEST((both.b.got[stream::messages] == std::vector<std::string>{"one", large, "three"}));
  }
}

BOOST_AUTO_TEST_CASE(no_more_is_sent_than_the_receiver_has_taken_in) {
  mux_settings settings;
  settings.window_bytes = {1000, 1000, 1000};
  pair_of_sides both{settings};
  for (int i = 0; i < 20; ++i) both.a.talk.send(stream::bulk, text(std::string(100, 'x')));
  both.a.tell(both.b);
  BOOST_TEST(both.b.got[stream::bulk].size() == 10u);
  BOOST_TEST(!both.a.talk.has_output());
  both.b.talk.taken(stream::bulk, 500);
  both.b.tell(both.a);
  both.a.tell(both.b);
  BOOST_TEST(both.b.got[stream::bulk].size() == 15u);
  BOOST_TEST(both.a.talk.queued_bytes(stream::bulk) == 500u);
}

BOOST_AUTO_TEST_CASE(a_receiver_cannot_give_back_more_than_it_was_given) {
  mux_settings settings;
  settings.window_bytes = {1000, 1000, 1000};
  pair_of_sides both{settings};
  both.b.talk.taken(stream::bulk, 1'000'000);
  both.a.talk.send(stream::bulk, text(std::string(5000, 'x')));
  both.b.tell(both.a);
  BOOST_TEST(both.a.tell(both.b) < 1100u);
  BOOST_TEST(both.b.broken == "");
}

BOOST_AUTO_TEST_CASE(a_message_larger_than_the_window_still_goes_through) {
  mux_settings settings;
  settings.window_bytes = {1000, 1000, 1000};
  pair_of_sides both{settings};
  const std::string large(100'000, 'x');
  both.a.talk.send(stream::bulk, text(large));
  for (int i = 0; i < 1000 && both.b.got.empty(); ++i) {
    both.a.tell(both.b);
    both.b.tell(both.a);
  }
  BOOST_TEST(both.b.got[stream::bulk].size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_blocked_stream_does_not_hold_up_the_others) {
  mux_settings settings;
  settings.window_bytes = {1000, 1000, 1000};
  pair_of_sides both{settings};
  for (int i = 0; i < 50; ++i) both.a.talk.send(stream::bulk, text(std::string(100, 'x')));
  both.a.talk.send(stream::raft, text("vote"));
  both.a.tell(both.b);
  BOOST_TEST(both.b.got[stream::raft].size() == 1u);
}

BOOST_AUTO_TEST_CASE(every_stream_gets_its_share_of_a_busy_link) {
  pair_of_sides both;
  for (int i = 0; i < 1000; ++i) both.a.talk.send(stream::bulk, text(std::string(8000, 'x')));
  for (int i = 0; i < 20'000; ++i) both.a.talk.send(stream::messages, text(std::string(100, 'x')));
  for (int i = 0; i < 30; ++i) both.a.tell(both.b, 64 * 1024);
  const auto bulk = both.b.got[stream::bulk].size() * 8000;
  const auto messages = both.b.got[stream::messages].size() * 100;
  BOOST_TEST(bulk > 700'000u);
  BOOST_TEST(messages > 700'000u);
  both.a.talk.send(stream::raft, text("urgent"));
  both.a.tell(both.b, 64 * 1024);
  BOOST_TEST(both.b.got[stream::raft].size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_full_says_no) {
  mux_settings settings;
  settings.queue_bytes_max = {1000, 1000, 1000};
  settings.message_bytes_max = 5000;
  pair_of_sides both{settings};
  BOOST_TEST(both.a.talk.send(stream::raft, text(std::string(900, 'x'))));
  BOOST_TEST(!both.a.talk.send(stream::raft, text(std::string(200, 'x'))));
  BOOST_TEST(both.a.talk.send(stream::messages, text(std::string(4000, 'x'))));
  BOOST_TEST(!both.a.talk.send(stream::bulk, text(std::string(6000, 'x'))));
}

BOOST_AUTO_TEST_CASE(a_peer_that_breaks_a_rule_is_told_from_one_that_does_not) {
  BOOST_TEST(verdict(frame(0, 4, 0, "")) == "");
  BOOST_TEST(verdict(frame(0xffffffff, 2, 0, "")) == "a frame larger than the protocol allows");
  BOOST_TEST(verdict(frame(65'537, 2, 0, "")) == "a frame larger than the protocol allows");
  BOOST_TEST(verdict(frame(0, 9, 0, "")) == "a frame of an unknown kind");
  BOOST_TEST(verdict(frame(1, 2, 3, "x")) == "data on a stream that does not exist");
  BOOST_TEST(verdict(frame(8, 3, 200, std::string(8, '\0'))) ==
             "credit for a stream that does not exist");
  BOOST_TEST(verdict(frame(8, 3, 0, std::string(8, '\xff'))) == "more credit than there can be");
  BOOST_TEST(verdict(frame(2, 3, 0, "xx")) == "a malformed credit");
  BOOST_TEST(verdict(frame(0, 2, 0, "", 1)) == "an empty piece of a message");
  BOOST_TEST(verdict(frame(5, 1, 0, "hello")) == "a second hello");
  side fresh;
  BOOST_TEST(*fresh.talk.feed(frame(1, 2, 0, "x"), start, fresh) == "something before the hello");
  side other;
  BOOST_TEST(*other.talk.feed(frame(28, 1, 0, std::string(28, 'x')), start, other) ==
             "not a hello");
}

BOOST_AUTO_TEST_CASE(data_without_credit_ends_the_link) {
  mux_settings settings;
  settings.window_bytes = {100, 100, 100};
  pair_of_sides both{settings};
  const auto bad = both.b.talk.feed(frame(101, 2, 0, std::string(101, 'x')), start, both.b);
  BOOST_TEST((bad && *bad == "more data than there was credit for"));
}

BOOST_AUTO_TEST_CASE(a_message_that_never_ends_is_cut_off_at_the_limit) {
  mux_settings settings;
  settings.message_bytes_max = 100'000;
  pair_of_sides both{settings};
  std::optional<std::string_view> bad;
  size_t fed = 0;
  while (!bad && fed < 10'000'000) {
    bad = both.b.talk.feed(frame(10'000, 2, 0, std::string(10'000, 'x'), 1), start, both.b);
    fed += 10'000;
  }
  BOOST_TEST((bad && *bad == "a message larger than the protocol allows"));
}

BOOST_AUTO_TEST_CASE(versions_meet_at_the_highest_that_both_speak) {
  const auto meets = [](uint16_t min, uint16_t max) {
    mux_settings newer;
    newer.version_min = min;
    newer.version_max = max;
    side ours, theirs{newer};
    theirs.tell(ours);
    return ours.ready ? static_cast<int>(ours.ready->version) : -1;
  };
  BOOST_TEST(meets(1, 1) == 1);
  BOOST_TEST(meets(1, 2) == 1);
  BOOST_TEST(meets(2, 3) == -1);
}

BOOST_AUTO_TEST_CASE(a_silent_peer_is_asked_and_then_given_up) {
  pair_of_sides both;
  BOOST_TEST((both.a.talk.next_tick() == start + 2s));
  BOOST_TEST(!both.a.talk.tick(start + 1s));
  BOOST_TEST(!both.a.talk.has_output());
  BOOST_TEST(!both.a.talk.tick(start + 2s));
  BOOST_TEST(both.a.talk.has_output());
  both.a.tell(both.b);
  std::string pong;
  both.b.talk.fill(pong, 1000);
  BOOST_TEST(!both.a.talk.feed(pong, start + 3s, both.a));
  BOOST_TEST(!both.a.talk.tick(start + 8s));
  BOOST_TEST((both.a.talk.tick(start + 9s) == "nothing was heard for too long"));
  side lonely;
  BOOST_TEST((lonely.talk.tick(start + 10s) == "no hello in time"));
}

BOOST_AUTO_TEST_CASE(a_flood_of_pings_costs_a_bounded_amount) {
  pair_of_sides both;
  for (int i = 0; i < 1'000'000; ++i)
    BOOST_TEST_REQUIRE(!both.b.talk.feed(frame(0, 4, 0, ""), start, both.b));
  std::string out;
  both.b.talk.fill(out, 1u << 30);
  BOOST_TEST(out.size() < 100'000u);
}

BOOST_AUTO_TEST_CASE(random_bytes_never_do_more_than_end_the_link) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    std::mt19937 chance{seed};
    pair_of_sides both;
    std::string bytes;
    for (size_t i = 0; i < 200; ++i) bytes += static_cast<char>(chance());
    // Small lengths and known kinds reach deeper.
    for (size_t i = 0; i + 8 < bytes.size(); i += 1 + chance() % 24) {
      bytes[i + 1] = bytes[i + 2] = bytes[i + 3] = 0;
      bytes[i + 4] = static_cast<char>(1 + chance() % 5);
      bytes[i + 5] = static_cast<char>(chance() % 4);
    }
    both.b.talk.feed(bytes, start, both.b);
  }
}

BOOST_AUTO_TEST_SUITE_END()
