// One address for several servers: bytes both ways, the next server when one is gone.
#include "net/relay/relay.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <thread>

using namespace troupe;
using boost::asio::ip::tcp;
namespace asio = boost::asio;

namespace {

/// Says its name and then everything it hears, until the other side has ended its words.
struct echo {
  explicit echo(char name) : name{name} {
    thread = std::thread([this] {
      for (;;) {
        boost::system::error_code bad;
        tcp::socket s(io);
        acceptor.accept(s, bad);
        if (bad) return;
        std::string text(1, this->name);
        asio::read(s, asio::dynamic_buffer(text), bad);
        if (text == "?end") return;
        asio::write(s, asio::buffer(text), bad);
      }
    });
  }
  ~echo() { end(); }
  void end() {
    if (!thread.joinable()) return;
    ::shutdown(acceptor.native_handle(), SHUT_RDWR);
    thread.join();
    acceptor.close();
  }
  relay::target at() { return {"127.0.0.1", acceptor.local_endpoint().port()}; }

  char name;
  asio::io_context io;
  tcp::acceptor acceptor{io, {asio::ip::make_address("127.0.0.1"), 0}};
  std::thread thread;
};

std::string say(uint16_t port, const std::string& text) {
  asio::io_context io;
  tcp::socket s(io);
  boost::system::error_code bad;
  s.connect({asio::ip::make_address("127.0.0.1"), port}, bad);
  asio::write(s, asio::buffer(text), bad);
  s.shutdown(tcp::socket::shutdown_send, bad);
  std::string heard;
  asio::read(s, asio::dynamic_buffer(heard), bad);
  return heard;
}

} // namespace

BOOST_AUTO_TEST_SUITE(relay_test)

BOOST_AUTO_TEST_CASE(bytes_pass_both_ways_and_a_server_that_is_gone_is_passed_over) {
  echo a('a'), b('b');
  auto made = relay::relay::start({.listen = {"127.0.0.1", 0}, .targets = {a.at(), b.at()}});
  BOOST_REQUIRE(made);
  auto port = (*made)->port();
  BOOST_TEST(say(port, "hello") == "ahello");
  std::string much(1'000'000, 'x');
  BOOST_TEST((say(port, much) == "a" + much));
  a.end();
  BOOST_TEST(say(port, "hello") == "bhello");
  b.end();
  BOOST_TEST(say(port, "hello") == ""); // closed, and nothing hangs
}

// What was under way kept the relay, and the relay kept it: nobody heard of the end.
BOOST_AUTO_TEST_CASE(connections_end_with_their_relay) {
  echo a('a');
  auto made = relay::relay::start({.listen = {"127.0.0.1", 0}, .targets = {a.at()}});
  BOOST_REQUIRE(made);
  asio::io_context io;
  tcp::socket s(io);
  s.connect({asio::ip::make_address("127.0.0.1"), (*made)->port()});
  // One that is through, so that this one has been led somewhere, too.
  tcp::socket another(io);
  another.connect({asio::ip::make_address("127.0.0.1"), (*made)->port()});
  asio::write(s, asio::buffer("words", 5));
  s.shutdown(tcp::socket::shutdown_send);
  std::string heard;
  boost::system::error_code bad;
  asio::read(s, asio::dynamic_buffer(heard), bad);
  BOOST_TEST(heard == "awords");
  made->reset();
  const timeval patience{10, 0};
  ::setsockopt(another.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char one;
  BOOST_TEST((::recv(another.native_handle(), &one, 1, 0) == 0 || errno == ECONNRESET));
}

BOOST_AUTO_TEST_CASE(a_server_that_is_not_ready_is_left_for_one_that_is) {
  echo a('a'), b('b');
  std::atomic<bool> cut_off = false;
  auto made = relay::relay::start({.listen = {"127.0.0.1", 0},
                                   .targets = {a.at(), b.at()},
                                   .ready = [&](auto& t) { return !cut_off || t != a.at(); },
                                   .look_every = std::chrono::milliseconds{1}});
  BOOST_REQUIRE(made);
  auto port = (*made)->port();
  BOOST_TEST(say(port, "hello") == "ahello");
  // A client that is waiting for an answer there is let go.
  asio::io_context io;
  tcp::socket held(io);
  boost::system::error_code bad;
  held.connect({asio::ip::make_address("127.0.0.1"), port}, bad);
  cut_off = true;
  char c;
  BOOST_TEST(held.read_some(asio::buffer(&c, 1), bad) == 0u);
  BOOST_TEST(say(port, "hello") == "bhello");
}

BOOST_AUTO_TEST_CASE(it_can_be_aimed_at_other_servers) {
  echo a('a'), b('b');
  auto made = relay::relay::start({.listen = {"127.0.0.1", 0}, .targets = {a.at()}});
  BOOST_REQUIRE(made);
  BOOST_TEST(say((*made)->port(), "1") == "a1");
  (*made)->aim({b.at()});
  BOOST_TEST(say((*made)->port(), "2") == "b2");
}

BOOST_AUTO_TEST_CASE(a_target_is_an_address_with_a_port) {
  BOOST_TEST(relay::target::parse("10.0.0.1:6443")->text() == "10.0.0.1:6443");
  for (auto bad : {"", "10.0.0.1", "10.0.0.1:", "10.0.0.1:70000", "10.0.0.1:x", "host:1", ":1"})
    BOOST_TEST(!relay::target::parse(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()
