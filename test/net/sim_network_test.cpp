// Links in memory: they behave like real ones while nothing is wrong, and go wrong exactly as told.
#include "net/link/sim_network.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace troupe::link;
using namespace std::chrono_literals;

namespace {

payload text(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

/// Two machines that write down what happens to them.
struct world {
  explicit world(sim_settings settings = {}) : net{settings, start} {
    for (const std::string name : {"a", "b"})
      net.add(name, [this, name](std::shared_ptr<connection> made) {
        links[name] = made;
        history += name + " up " + std::to_string(made->generation()) + ";";
        connection::callbacks calls;
        calls.on_message = [this, name](stream, std::string_view message) {
          heard[name].emplace_back(message);
          history += name + " " + std::string{message} + ";";
        };
        calls.on_down = [this, name](std::string_view) { history += name + " down;"; };
        return calls;
      });
    net.connect("a", "b");
    net.advance(start);
  }
  void after(std::chrono::microseconds time) { net.advance(net.now() + time); }

  static constexpr time_point start{};
  sim_network net;
  std::map<std::string, std::shared_ptr<connection>> links;
  std::map<std::string, std::vector<std::string>> heard;
  std::string history;
};

sim_settings bad(uint64_t seed, double loss, double duplication, double reordering) {
  sim_settings out;
  out.seed = seed;
  out.faults = {.loss = loss, .duplication = duplication, .reordering = reordering};
  return out;
}

std::string history_of(const sim_settings& settings) {
  world w{settings};
  for (int i = 0; i < 200; ++i) {
    w.links["a"]->send(stream::raft, text(std::to_string(i)));
    w.after(50us);
  }
  w.after(1s);
  return w.history;
}

} // namespace

BOOST_AUTO_TEST_SUITE(sim_network_test)

BOOST_AUTO_TEST_CASE(messages_arrive_later_whole_and_in_order) {
  world w;
  BOOST_TEST(w.links["a"]->peer().name == "b");
  for (int i = 0; i < 100; ++i) w.links["a"]->send(stream::raft, text(std::to_string(i)));
  BOOST_TEST(w.heard["b"].empty());
  w.after(1s);
  BOOST_TEST_REQUIRE(w.heard["b"].size() == 100u);
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(w.heard["b"][static_cast<size_t>(i)] == std::to_string(i));
  BOOST_TEST(w.links["a"]->queued_bytes(stream::raft) == 0u);
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_history_and_another_seed_another) {
  BOOST_TEST(history_of(bad(7, .1, .1, .5)) == history_of(bad(7, .1, .1, .5)));
  BOOST_TEST(history_of(bad(7, .1, .1, .5)) != history_of(bad(8, .1, .1, .5)));
}

BOOST_AUTO_TEST_CASE(faults_happen_about_as_often_as_asked) {
  world w{bad(1, .2, .1, .5)};
  for (int i = 0; i < 1000; ++i) w.links["a"]->send(stream::raft, text(std::to_string(i)));
  w.after(1s);
  BOOST_TEST(w.net.counted().lost > 150u);
  BOOST_TEST(w.net.counted().lost < 300u);
  BOOST_TEST(w.net.counted().duplicated > 60u);
  BOOST_TEST(w.net.counted().duplicated < 150u);
  BOOST_TEST(
      !std::ranges::is_sorted(w.heard["b"], {}, [](const std::string& s) { return std::stoi(s); }));
}

BOOST_AUTO_TEST_CASE(a_cut_goes_one_way_and_ends_the_link_after_a_while) {
  world w;
  const auto before = w.links["a"];
  w.net.cut("a", "b");
  before->send(stream::raft, text("lost"));
  w.links["b"]->send(stream::raft, text("arrives"));
  w.after(1s);
  BOOST_TEST(w.heard["b"].empty());
  BOOST_TEST(w.heard["a"].size() == 1u);
  w.after(10s);
  BOOST_TEST(w.history.find("a down;b down;") != std::string::npos);
  BOOST_TEST(!before->send(stream::raft, text("down")));
  w.net.heal("a", "b");
  w.after(1s);
  BOOST_TEST(w.links["a"]->generation() > before->generation());
  w.links["a"]->send(stream::raft, text("again"));
  w.after(1s);
  BOOST_TEST(w.heard["b"].size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_cut_that_heals_in_time_loses_messages_but_not_the_link) {
  world w;
  const auto before = w.links["a"];
  w.net.cut("a", "b");
  w.after(3s);
  w.net.heal("a", "b");
  w.after(10s);
  before->send(stream::raft, text("still"));
  w.after(1s);
  BOOST_TEST(w.heard["b"].size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_clogged_way_delivers_late_and_in_order) {
  world w;
  w.net.clog("a", "b", w.net.now() + 2s);
  w.links["a"]->send(stream::raft, text("1"));
  w.links["a"]->send(stream::raft, text("2"));
  w.after(1900ms);
  BOOST_TEST(w.heard["b"].empty());
  w.after(200ms);
  BOOST_TEST((w.heard["b"] == std::vector<std::string>{"1", "2"}));
}

BOOST_AUTO_TEST_CASE(a_crashed_machine_hears_nothing_and_comes_back_with_a_new_link) {
  world w;
  const auto before = w.links["b"];
  w.links["a"]->send(stream::raft, text("too late"));
  w.net.crash("b");
  w.after(10s);
  BOOST_TEST(w.heard["b"].empty());
  BOOST_TEST(w.history.ends_with("a down;"));
  w.net.start("b");
  w.after(1s);
  BOOST_TEST(w.links["b"]->generation() > before->generation());
}

BOOST_AUTO_TEST_CASE(a_full_queue_says_no) {
  sim_settings settings;
  settings.mux.queue_bytes_max = {10, 10, 10};
  world w{settings};
  BOOST_TEST(w.links["a"]->send(stream::raft, text("123456789")));
  BOOST_TEST(!w.links["a"]->send(stream::raft, text("12")));
  w.after(1s);
  BOOST_TEST(w.links["a"]->send(stream::raft, text("12")));
}

BOOST_AUTO_TEST_SUITE_END()
