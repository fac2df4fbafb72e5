// Links over real sockets: who may connect, messages both ways, the end of a link and the next one.
#include "net/link/network.hpp"
#include "test/net/support/box.hpp"
#include "test/net/support/raw_client.hpp"
#include "test/net/support/test_authority.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

using namespace troupe;
using namespace troupe::link;
using namespace std::chrono_literals;
using test::authority;
using test::box;

namespace {

payload text(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

tls::credentials member(const std::string& name,
                        tls::usages use = {.client = true, .server = true}) {
  return authority().credentials(authority().issue(name, use, {"members"}));
}

/// A network whose events a test can wait for.
struct node {
  explicit node(tls::credentials who, network_settings settings = {})
      : net{with(std::move(settings), std::move(who)), [this](std::shared_ptr<connection> made) {
              connection::callbacks calls;
              calls.on_message = [this](stream on, std::string_view message) {
                heard.put(std::to_string(static_cast<int>(on)) + ":" + std::string{message});
              };
              calls.on_down = [this](std::string_view why) { downs.put(std::string{why}); };
              ups.put(std::move(made));
              return calls;
            }} {}
  static network_settings with(network_settings settings, tls::credentials who) {
    settings.who = std::move(who);
    settings.redial_after = 1ms;
    return settings;
  }
  box<std::shared_ptr<connection>> ups;
  box<std::string> heard, downs;
  network net;
};

} // namespace

BOOST_AUTO_TEST_SUITE(link_test)

BOOST_AUTO_TEST_CASE(two_members_link_up_and_know_each_other) {
  node server{member("server-1")}, agent{member("agent-1")};
  const auto port = server.net.listen("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(port.has_value());
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  const auto here = server.ups.take(), there = agent.ups.take();
  BOOST_TEST(here->peer().name == "agent-1");
  BOOST_TEST((here->peer().groups == std::vector<std::string>{"members"}));
  BOOST_TEST(there->peer().name == "server-1");
  BOOST_TEST(here->version() == 1);
  there->send(stream::messages, text("hello"));
  there->send(stream::bulk, text("log"));
  BOOST_TEST(server.heard.take() == "1:hello");
  BOOST_TEST(server.heard.take() == "2:log");
  here->send(stream::raft, text("vote"));
  BOOST_TEST(agent.heard.take() == "0:vote");
}

// An attempt kept the network, and the network kept the attempt.
BOOST_AUTO_TEST_CASE(nothing_stays_of_a_network_that_ends_while_it_connects) {
  namespace asio = boost::asio;
  using asio::ip::tcp;
  const auto who = member("agent-1");
  asio::io_context io;
  tcp::acceptor full{io, tcp::v4()};
  full.bind({asio::ip::make_address("127.0.0.1"), 0});
  full.listen(0);
  std::vector<tcp::socket> waiting; // whoever comes after these is not answered
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back(io, tcp::v4()).native_non_blocking(true);
    const auto at = full.local_endpoint();
    ::connect(waiting.back().native_handle(), at.data(), static_cast<socklen_t>(at.size()));
  }
  const auto open_files = [] {
    const std::filesystem::directory_iterator all{"/proc/self/fd"};
    return std::distance(begin(all), end(all));
  };
  const auto before = open_files();
  {
    node agent{who};
    BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", full.local_endpoint().port(), "x").has_value());
    BOOST_TEST(open_files() > before);
  }
  BOOST_TEST(open_files() == before);
}

BOOST_AUTO_TEST_CASE(a_link_that_ends_is_made_again_with_a_higher_generation) {
  node server{member("server-1")}, agent{member("agent-1")};
  const auto port = server.net.listen("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  const auto first = server.ups.take();
  first->close();
  server.downs.take();
  agent.downs.take();
  BOOST_TEST(!first->send(stream::messages, text("to nobody")));
  const auto second = server.ups.take();
  BOOST_TEST(second->generation() > first->generation());
}

// Before: the timer of the first word ran on, so that a quiet link was found dead at its end.
BOOST_AUTO_TEST_CASE(a_quiet_link_outlives_the_time_that_its_first_word_had) {
  network_settings settings;
  settings.mux.hello_within = 800ms;
  settings.mux.ping_after = 50ms;
  settings.mux.dead_after = 300ms;
  node server{member("server-1"), settings}, agent{member("agent-1"), settings};
  const auto port = server.net.listen("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  server.ups.take();
  BOOST_TEST(!server.downs.comes_within(1'500ms));
}

BOOST_AUTO_TEST_CASE(a_newer_connection_of_the_same_peer_supersedes_the_older) {
  node server{member("server-1")};
  const auto port = server.net.listen("127.0.0.1", 0);
  network_settings later;
  later.mux.generation = 1000;
  node before{member("agent-1")}, after{member("agent-1"), later};
  BOOST_TEST_REQUIRE(before.net.dial("127.0.0.1", *port, "server-1").has_value());
  const auto old = server.ups.take();
  BOOST_TEST_REQUIRE(after.net.dial("127.0.0.1", *port, "server-1").has_value());
  BOOST_TEST(server.ups.take()->generation() > 1000u);
  BOOST_TEST(server.downs.take() == "superseded by a newer connection");
}

BOOST_AUTO_TEST_CASE(a_stranger_and_a_client_without_certificate_are_refused) {
  node server{member("server-1")};
  const auto port = server.net.listen("127.0.0.1", 0);
  const auto other = *tls::make_authority("other", test::now(), std::chrono::days{1});
  const auto forged = *tls::issue(other, {.common_name = "agent-1",
                                          .use = {.client = true},
                                          .not_before = test::now() - 1h,
                                          .not_after = test::now() + 1h});
  node stranger{{forged.certificate_pem, forged.key_pem, authority().ca.certificate_pem}};
  BOOST_TEST_REQUIRE(stranger.net.dial("127.0.0.1", *port, "server-1").has_value());
  while (stranger.net.counters().dialed < 3) std::this_thread::yield();
  // One that may come in is the only one that ever does.
  node agent{member("agent-2")};
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  BOOST_TEST(server.ups.take()->peer().name == "agent-2");
}

BOOST_AUTO_TEST_CASE(an_agents_certificate_cannot_play_a_server) {
  node impostor{member("server-1", {.client = true})};
  const auto port = impostor.net.listen("127.0.0.1", 0);
  node agent{member("agent-1")};
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  while (agent.net.counters().dialed < 3) std::this_thread::yield();
  // It keeps trying, because the link never came up; one with the right certificate does.
  node server{member("server-1")};
  const auto right = server.net.listen("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *right, "server-1").has_value());
  agent.ups.take();
  server.ups.take();
}

BOOST_AUTO_TEST_CASE(a_server_of_another_name_is_not_believed) {
  node server{member("server-2")};
  const auto port = server.net.listen("127.0.0.1", 0);
  node agent{member("agent-1")};
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  while (agent.net.counters().dialed < 3) std::this_thread::yield();
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-2").has_value());
  BOOST_TEST(agent.ups.take()->peer().name == "server-2");
}

BOOST_AUTO_TEST_CASE(an_identity_that_is_not_allowed_never_links_up) {
  network_settings strict;
  strict.allow = [](const identity& who) { return who.name == "agent-2"; };
  node server{member("server-1"), strict};
  const auto port = server.net.listen("127.0.0.1", 0);
  node refused{member("agent-1")}, allowed{member("agent-2")};
  BOOST_TEST_REQUIRE(refused.net.dial("127.0.0.1", *port, "server-1").has_value());
  while (refused.net.counters().dialed < 3) std::this_thread::yield();
  BOOST_TEST_REQUIRE(allowed.net.dial("127.0.0.1", *port, "server-1").has_value());
  BOOST_TEST(server.ups.take()->peer().name == "agent-2");
}

BOOST_AUTO_TEST_CASE(garbage_and_silence_on_the_port_are_cut_off) {
  network_settings settings;
  settings.handshake_within = 50ms;
  node server{member("server-1"), settings};
  const auto port = server.net.listen("127.0.0.1", 0);
  test::raw_client garbage{*port}, silence{*port};
  garbage.send(std::string(1000, '\xff'));
  garbage.until_close();
  BOOST_TEST(silence.closed_by_server());
}

BOOST_AUTO_TEST_CASE(a_member_that_breaks_the_protocol_is_cut_off_without_allocating) {
  node server{member("server-1")};
  const auto port = server.net.listen("127.0.0.1", 0);
  const auto context = *tls::context::make(tls::style::mutual_client, member("agent-1"));
  test::raw_client rude{*port, context};
  BOOST_TEST_REQUIRE(rude.handshaken);
  using namespace std::string_literals;
  rude.send("\xff\xff\xff\xff\x02\x01\x00\x00 four gigabytes are said to follow"s);
  rude.until_close();
  BOOST_TEST(rude.closed_by_server());
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_messages_arrive_in_order) {
  node server{member("server-1")}, agent{member("agent-1")};
  const auto port = server.net.listen("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  const auto there = agent.ups.take();
  for (int i = 0; i < 100'000; ++i)
    BOOST_TEST_REQUIRE(there->send(stream::messages, text(std::to_string(i))));
  for (int i = 0; i < 100'000; ++i)
    BOOST_TEST_REQUIRE(server.heard.take() == "1:" + std::to_string(i));
}

BOOST_AUTO_TEST_CASE(each_senders_messages_arrive_in_order_whichever_thread_writes_them) {
  // A message after a pause is written by its sender, one in a crowd by the strand.
  constexpr int senders = 3, rounds = 400, burst = 7;
  node server{member("server-1")}, agent{member("agent-1")};
  const auto port = server.net.listen("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  const auto here = server.ups.take(), there = agent.ups.take();
  std::atomic<int> allowed = 0; // rounds: each begins when all of the one before have arrived
  std::vector<std::jthread> threads;
  for (int who = 0; who < senders; ++who)
    threads.emplace_back([&, who] {
      for (int round = 0; round < rounds; ++round) {
        for (int now = allowed; now < round; now = allowed) allowed.wait(now);
        for (int i = 0; i < burst; ++i)
          there->send(stream::messages,
                      text(std::to_string(who) + " " + std::to_string(round * burst + i)));
      }
    });
  std::array<int, senders> next{};
  bool ordered = true;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < senders * burst; ++i) {
      const auto said = server.heard.take();
      auto& expected = next[static_cast<size_t>(said[2] - '0')];
      ordered = ordered && std::stoi(said.substr(4)) == expected++;
    }
    here->send(stream::raft, text("round")); // something the other way, too
    allowed = round + 1;
    allowed.notify_all();
  }
  BOOST_TEST(ordered);
}

BOOST_AUTO_TEST_CASE(bulk_waits_for_its_receiver_and_the_sender_is_told_when_its_queue_is_full) {
  network_settings settings;
  settings.mux.window_bytes = {1000, 1000, 100'000};
  settings.mux.queue_bytes_max = {100'000, 100'000, 100'000};
  node server{member("server-1"), settings}, agent{member("agent-1"), settings};
  const auto port = server.net.listen("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(agent.net.dial("127.0.0.1", *port, "server-1").has_value());
  const auto here = server.ups.take(), there = agent.ups.take();
  const auto piece = text(std::string(10'000, 'x'));
  // Ten pieces travel in the window and ten wait in the queue.
  for (int i = 0; i < 20; ++i)
    while (!there->send(stream::bulk, piece)) std::this_thread::yield();
  BOOST_TEST(!there->send(stream::bulk, piece));
  for (int i = 0; i < 10; ++i) server.heard.take();
  there->send(stream::raft, text("not held up"));
  BOOST_TEST(server.heard.take() == "0:not held up");
  for (int i = 0; i < 10; ++i) here->taken(stream::bulk, 10'000);
  BOOST_TEST(server.heard.take().size() == 10'002u);
}

BOOST_AUTO_TEST_SUITE_END()
