// A name server on loopback, with another one behind it that a test plays: over UDP and TCP, with
// answers kept, strangers ignored and hostile packets survived.
#include "net/dns/reply.hpp"
#include "net/dns/server.hpp"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace troupe;

namespace {

sockaddr_in loopback(uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

int udp_socket(uint16_t port, bool connected) {
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  timeval limit{5, 0};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  auto at = loopback(port);
  auto raw = reinterpret_cast<sockaddr*>(&at);
  BOOST_REQUIRE((connected ? connect(s, raw, sizeof at) : bind(s, raw, sizeof at)) == 0);
  return s;
}

/// The other server: answers every question with one address, and counts.
struct other {
  other() {
    socket_ = udp_socket(0, false);
    sockaddr_in at{};
    socklen_t size = sizeof at;
    getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    thread_ = std::thread([this] {
      char buffer[2048];
      for (;;) {
        sockaddr_in from{};
        socklen_t size = sizeof from;
        auto n =
            recvfrom(socket_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (n == 1) return;
        if (n < 0) continue;
        auto read = dns::read_query({buffer, static_cast<size_t>(n)});
        auto q = std::get_if<dns::query>(&read);
        if (!q) continue;
        ++asked;
        dns::answer a;
        a.answers.push_back({q->asked.name, 60, dns::record::a{{198, 51, 100, 7}}});
        auto packet = dns::write_answer(*q, a, 512);
        sendto(socket_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    });
  }
  ~other() {
    int s = udp_socket(port, true);
    (void)!write(s, "x", 1);
    thread_.join();
    close(s);
    close(socket_);
  }
  uint16_t port = 0;
  std::atomic<int> asked = 0;

private:
  int socket_;
  std::thread thread_;
};

struct fixture {
  fixture() {
    auto made = dns::server::start(
        {.own = *address::parse("127.0.0.1"),
         .port = 0,
         .resolve = [](const dns::question& q) -> std::variant<dns::answer, dns::referral> {
           if (q.name == "alias.here")
             return dns::referral{
                 "www.example.com",
                 {{"alias.here", 5, dns::record::name_data{dns::type::cname, "www.example.com"}}}};
           if (!q.name.ends_with(".here")) return dns::referral{q.name, {}};
           dns::answer a;
           a.answers.push_back({q.name, 5, dns::record::a{{10, 0, 0, 1}}});
           return a;
         },
         .upstream = {*address::parse("127.0.0.1")},
         .upstream_port = behind.port,
         .random = [this] { return ++chance; }});
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    server = std::move(*made);
  }

  static std::string first_address(std::string_view packet, uint16_t id) {
    auto read = dns::read_reply(packet);
    BOOST_REQUIRE(read);
    BOOST_TEST(read->id == id);
    for (auto& r : read->answers)
      if (auto a = std::get_if<dns::record::a>(&r.data))
        return std::to_string(a->address[0]) + "." + std::to_string(a->address[3]);
    return "none";
  }

  std::string ask(const std::string& name) {
    int s = udp_socket(server->port(), true);
    auto packet = dns::write_query(7, {name, dns::type::a}, name, false);
    BOOST_REQUIRE(write(s, packet.data(), packet.size()) > 0);
    char buffer[2048];
    auto n = read(s, buffer, sizeof buffer);
    close(s);
    BOOST_REQUIRE(n > 0);
    return first_address({buffer, static_cast<size_t>(n)}, 7);
  }

  uint64_t chance = 0;
  other behind;
  std::unique_ptr<dns::server> server;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(dns_server_test, fixture)

BOOST_AUTO_TEST_CASE(what_is_known_here_is_answered_here) {
  BOOST_TEST(ask("web.here") == "10.1");
  BOOST_TEST(behind.asked == 0);
}

BOOST_AUTO_TEST_CASE(the_rest_is_asked_once_and_kept) {
  BOOST_TEST(ask("www.example.com") == "198.7");
  BOOST_TEST(ask("WWW.example.com") == "198.7");
  BOOST_TEST(behind.asked == 1);
}

BOOST_AUTO_TEST_CASE(an_alias_to_outside_is_followed) { BOOST_TEST(ask("alias.here") == "198.7"); }

BOOST_AUTO_TEST_CASE(over_tcp_several_questions_in_one_connection) {
  int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{5, 0};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  auto at = loopback(server->port());
  BOOST_REQUIRE(connect(s, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  std::string both;
  for (uint16_t id : {1, 2}) {
    auto packet = dns::write_query(id, {"web.here", dns::type::a}, "", false);
    both += std::string{0, static_cast<char>(packet.size())} + packet;
  }
  // In two pieces, cut where it hurts.
  BOOST_REQUIRE(write(s, both.data(), 1) == 1);
  BOOST_REQUIRE(write(s, both.data() + 1, both.size() - 1) > 0);
  std::string in;
  char buffer[2048];
  for (uint16_t id : {1, 2}) {
    size_t size = 0;
    while (in.size() < 2 || in.size() < 2 + (size = static_cast<uint8_t>(in[1]))) {
      auto n = read(s, buffer, sizeof buffer);
      BOOST_REQUIRE(n > 0);
      in.append(buffer, static_cast<size_t>(n));
    }
    BOOST_TEST(first_address(std::string_view(in).substr(2, size), id) == "10.1");
    in.erase(0, size + 2);
  }
  close(s);
}

BOOST_AUTO_TEST_CASE(packets_that_are_no_questions_do_no_harm) {
  int s = udp_socket(server->port(), true);
  for (const char* bad :
       {"", "x", "abcdefghijkl", "\xc0\x0c\xc0\x0c\xc0\x0c\xc0\x0c\xc0\x0c\xc0\x0c\xc0"})
    (void)!write(s, bad, strlen(bad));
  close(s);
  BOOST_TEST(ask("web.here") == "10.1");
}

BOOST_AUTO_TEST_CASE(replies_that_loop_or_lie_are_not_read) {
  auto good = dns::write_query(1, {"a.b", dns::type::a}, "", false);
  BOOST_TEST(!dns::read_reply(good)); // a question is no reply
  good[2] = static_cast<char>(0x80);
  BOOST_TEST(dns::read_reply(good).has_value());
  auto loop = good;
  loop[7] = 1;                                                // one answer,
  loop += std::string("\xc0\x15", 2) + std::string(12, '\0'); // whose name points to itself
  BOOST_TEST(!dns::read_reply(loop));
  for (size_t cut = 0; cut < good.size(); ++cut) BOOST_TEST(!dns::read_reply(good.substr(0, cut)));
}

BOOST_AUTO_TEST_CASE(name_servers_of_a_machine) {
  auto got = dns::upstream_of("# x\nnameserver 192.0.2.1\nsearch a\nnameserver\t192.0.2.2 # y\n"
                              "nameserver ::1\nnameserverx 1.2.3.4\n");
  BOOST_REQUIRE(got.size() == 2u);
  BOOST_TEST(got[1].text() == "192.0.2.2");
}

BOOST_AUTO_TEST_SUITE_END()
