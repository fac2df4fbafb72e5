// The network of one machine in a namespace of its own, with a pod in another: the real kernel,
// real connections. What a client of a service sees while backends come and go.
#include "actors/network/routed_network.hpp"
#include "net/dataplane/links.hpp"
#include "net/dataplane/service_table.hpp"
#include "test/support/network_namespace.hpp"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <future>
#include <poll.h>

using namespace troupe;
using namespace troupe::network_of_pods;
using dataplane::backend;
using dataplane::behind;
using dataplane::door;

namespace {

sockaddr_in socket_address(const std::string& ip, uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  inet_pton(AF_INET, ip.c_str(), &a.sin_addr);
  return a;
}

/// Connects from this thread's network and reads a line; the errno as text if that fails.
std::string visit(const std::string& ip, uint16_t port) {
  int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{3, 0};
  setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  auto to = socket_address(ip, port);
  std::string out;
  if (connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0) {
    out = strerror(errno);
  } else {
    char buffer[64];
    auto n = read(s, buffer, sizeof buffer);
    out.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  }
  close(s);
  return out;
}

/// What a program says in this thread's network, and "ended with N" if that is not 0.
std::string output_of(const std::string& command) {
  auto in = popen((command + " 2>&1").c_str(), "r");
  std::string out;
  char buffer[4096];
  while (auto n = fread(buffer, 1, sizeof buffer, in)) out.append(buffer, n);
  int status = pclose(in);
  return status == 0 ? out : out + "ended with " + std::to_string(status);
}

/// A machine's network and pods in it, each in a thread that serves its name on port 8080.
struct machine {
  machine() {
    begin_again();
    dataplane::service_table_settings given;
    given.own_pods = *network::parse("10.244.0.0/24");
    given.all_pods = *network::parse("10.244.0.0/16");
    auto made = dataplane::service_table::open(given);
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    table.emplace(std::move(*made));
  }

  ~machine() {
    for (auto& p : pods_) {
      ::shutdown(p.listener, SHUT_RDWR);
      p.order.set_value({});
      p.thread.join();
      close(p.listener);
    }
    routed_network::remove_all({});
    (void)table->remove();
  }

  struct pod {
    std::thread thread;
    std::promise<std::function<void()>> order; ///< what to do in the pod before it ends
    int listener = -1;
    std::string ip;
  };

  /// Begins a pod that serves `name`, and says so with where the client comes from.
  std::string add_pod(const std::string& name) {
    auto& p = pods_.emplace_back();
    std::promise<std::string> path;
    std::promise<void> attached;
    std::promise<int> listening;
    p.thread =
        std::thread([&, name, order = p.order.get_future(), go = attached.get_future()]() mutable {
          test::in_new_network([&] {
            path.set_value(test::own_network_path());
            go.wait();
            int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            auto any = socket_address("0.0.0.0", 8080);
            if (bind(s, reinterpret_cast<sockaddr*>(&any), sizeof any) < 0) abort();
            listen(s, 64);
            std::thread server([s, name] {
              for (;;) {
                sockaddr_in from{};
                socklen_t size = sizeof from;
                int c = accept(s, reinterpret_cast<sockaddr*>(&from), &size);
                if (c < 0) return;
                char ip[64];
                auto line = name + " " + inet_ntop(AF_INET, &from.sin_addr, ip, sizeof ip);
                (void)!write(c, line.data(), line.size());
                close(c);
              }
            });
            listening.set_value(s);
            if (auto what = order.get()) what();
            server.join();
          });
        });
    node::attach_request ask;
    ask.pod_uid = name;
    ask.netns_path = path.get_future().get();
    auto ips = network_->attach(ask);
    BOOST_REQUIRE_MESSAGE(ips, ips.error().message);
    attached.set_value();
    p.listener = listening.get_future().get();
    p.ip = ips->at(0);
    return p.ip;
  }

  /// As when the program is killed and started again.
  void begin_again() {
    network_.emplace(given());
    auto begun = network_->begin(*network::parse("10.244.0.0/24"));
    BOOST_REQUIRE_MESSAGE(begun, begun.error().message);
  }
  std::string address_of_adopted(const std::string& name, const std::string& noted) {
    node::attach_request ask;
    ask.pod_uid = name;
    ask.adopted_ips = {noted};
    auto ips = network_->attach(ask);
    return ips ? ips->at(0) : ips.error().message;
  }

  /// Runs `what` inside the newest pod and ends that pod's own waiting.
  template<class What> auto in_last_pod(What what) {
    std::promise<decltype(what())> answer;
    auto& p = pods_.back();
    p.order.set_value([&] { answer.set_value(what()); });
    auto out = answer.get_future().get();
    p.order = {};
    return out;
  }

  void put(const std::string& ip, uint16_t port, std::vector<std::string> pods, int sticky = 0) {
    behind what{{}, sticky, false, {}};
    for (auto& p : pods) what.backends.push_back({*address::parse(p), 8080});
    table->put({*address::parse(ip), 6, port}, what);
    auto done = table->commit();
    BOOST_REQUIRE_MESSAGE(done, done.error().message);
  }

  static routed_settings given() { return {.services = *network::parse("10.96.0.0/12")}; }
  std::optional<routed_network> network_;
  std::optional<dataplane::service_table> table;
  std::list<pod> pods_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(pod_network_test)

BOOST_AUTO_TEST_CASE(a_machine_reaches_its_pods_and_their_services) {
  test::in_new_network([] {
    machine m;
    auto a = m.add_pod("a"), b = m.add_pod("b");
    BOOST_TEST(a == "10.244.0.2");
    BOOST_TEST(visit(a, 8080) == "a 10.244.0.1");
    m.put("10.96.0.10", 80, {a, b});
    std::set<std::string> seen;
    for (int i = 0; i < 64; ++i) seen.insert(visit("10.96.0.10", 80));
    BOOST_TEST(seen == (std::set<std::string>{"a 10.244.0.1", "b 10.244.0.1"}),
               boost::test_tools::per_element());
    // One leaves, another takes its place: the same number of backends, edited in place.
    auto c = m.add_pod("c");
    m.put("10.96.0.10", 80, {b, c});
    seen.clear();
    for (int i = 0; i < 64; ++i) seen.insert(visit("10.96.0.10", 80));
    BOOST_TEST(seen == (std::set<std::string>{"b 10.244.0.1", "c 10.244.0.1"}),
               boost::test_tools::per_element());
    m.put("10.96.0.10", 80, {c});
    for (int i = 0; i < 8; ++i) BOOST_TEST(visit("10.96.0.10", 80) == "c 10.244.0.1");
  });
}

BOOST_AUTO_TEST_CASE(a_new_process_gives_nobody_the_address_of_a_pod_that_is_there) {
  test::in_new_network([] {
    machine m;
    auto a = m.add_pod("a"), b = m.add_pod("b");
    m.begin_again();
    auto c = m.add_pod("c"); // before anybody has looked at the others
    BOOST_TEST(c != a);
    BOOST_TEST(c != b);
    BOOST_TEST(m.address_of_adopted("a", a) == a);
    BOOST_TEST(m.address_of_adopted("b", a) == b); // the kernel knows better than a stale note
    BOOST_TEST(visit(a, 8080) == "a 10.244.0.1");
    BOOST_TEST(visit(c, 8080) == "c 10.244.0.1");
  });
}

BOOST_AUTO_TEST_CASE(a_service_without_backends_refuses_at_once) {
  test::in_new_network([] {
    machine m;
    m.put("10.96.0.11", 80, {});
    BOOST_TEST(visit("10.96.0.11", 80) == "Connection refused");
    auto a = m.add_pod("a");
    m.put("10.96.0.11", 80, {a});
    BOOST_TEST(visit("10.96.0.11", 80) == "a 10.244.0.1");
    m.put("10.96.0.11", 80, {});
    BOOST_TEST(visit("10.96.0.11", 80) == "Connection refused");
  });
}

BOOST_AUTO_TEST_CASE(a_pod_reaches_others_and_itself_through_a_service) {
  test::in_new_network([] {
    machine m;
    auto a = m.add_pod("a");
    m.put("10.96.0.12", 80, {a});
    auto b = m.add_pod("b");
    m.put("10.96.0.13", 80, {b});
    auto seen = m.in_last_pod([&] {
      return std::vector{visit(a, 8080), visit("10.96.0.12", 80), visit("10.96.0.13", 80)};
    });
    BOOST_TEST(seen[0] == "a " + b);
    BOOST_TEST(seen[1] == "a " + b); // the client's own address is seen
    BOOST_TEST(seen[2] == "b 10.244.0.1");
  });
}

BOOST_AUTO_TEST_CASE(a_sticky_client_comes_back_until_its_backend_leaves) {
  test::in_new_network([] {
    machine m;
    auto a = m.add_pod("a"), b = m.add_pod("b"), c = m.add_pod("c");
    m.put("10.96.0.14", 80, {a, b}, 600);
    auto first = visit("10.96.0.14", 80);
    for (int i = 0; i < 16; ++i) BOOST_TEST(visit("10.96.0.14", 80) == first);
    auto other = first.starts_with("a") ? b : a;
    m.put("10.96.0.14", 80, {other, c}, 600);
    auto second = visit("10.96.0.14", 80);
    BOOST_TEST(second != first);
    for (int i = 0; i < 16; ++i) BOOST_TEST(visit("10.96.0.14", 80) == second);
  });
}

BOOST_AUTO_TEST_CASE(many_backends_are_all_reached) {
  test::in_new_network([] {
    machine m;
    auto a = m.add_pod("a"), b = m.add_pod("b");
    std::vector<std::string> all{a, b};
    behind what;
    for (int i = 0; i < 100; ++i)
      what.backends.push_back({*address::parse(i % 2 ? a : b), static_cast<uint16_t>(8080)});
    for (int i = 0; i < 100; ++i)
      what.backends.push_back({*address::parse("10.244.9.9"), static_cast<uint16_t>(1 + i)});
    m.table->put({*address::parse("10.96.0.15"), 6, 80}, what);
    BOOST_REQUIRE(m.table->commit());
    m.put("10.96.0.15", 80, all);
    BOOST_TEST(visit("10.96.0.15", 80).size() > 2u);
  });
}

// The program nft of Debian 12 used to end with an assertion over our rules, and with it whatever
// else on the machine lists them.
BOOST_AUTO_TEST_CASE(other_programs_can_list_our_rules) {
  if (output_of("nft --version").find("nftables") == std::string::npos) {
    BOOST_TEST_MESSAGE("there is no nft to list with");
    return;
  }
  test::in_new_network([] {
    machine m;
    m.put("10.96.0.17", 80, {"10.244.0.9", "10.244.0.8"});
    m.put("10.96.0.18", 80, {"10.244.0.9"}, 600);
    m.put("10.96.0.19", 80, {});
    behind guarded{{{*address::parse("10.244.0.9"), 80}}, 0, false, {}};
    guarded.allowed = {*network::parse("198.51.100.0/24"), *network::parse("192.0.2.1/32")};
    m.table->put({*address::parse("192.0.2.9"), 17, 80}, guarded);
    BOOST_REQUIRE(m.table->commit());
    for (auto command :
         {"nft list ruleset", "nft -j list ruleset", "nft -a list table ip troupe"}) {
      auto text = output_of(command);
      BOOST_TEST(text.find("ended with") == std::string::npos, command << ": " << text);
      BOOST_TEST(text.find("10.244.0.8") != std::string::npos, command << ": " << text);
      BOOST_TEST(text.find("pick-2") != std::string::npos, command << ": " << text);
      BOOST_TEST(text.find("netlink:") == std::string::npos, command << ": " << text);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_guarded_door_lets_in_whom_it_is_for) {
  test::in_new_network([] {
    machine m;
    auto a = m.add_pod("a");
    auto b = m.add_pod("b");
    behind what{{{*address::parse(a), 8080}}, 0, false, {*network::parse("10.244.0.128/25")}};
    door at{*address::parse("10.96.0.20"), 6, 80};
    m.table->put(at, what);
    BOOST_REQUIRE(m.table->commit());
    what.allowed = {*network::parse(b + "/32")};
    door open{*address::parse("10.96.0.21"), 6, 80};
    m.table->put(open, what);
    BOOST_REQUIRE(m.table->commit());
    auto seen = m.in_last_pod([&] {
      return std::vector{visit("10.96.0.20", 80), visit("10.96.0.21", 80)};
    });
    BOOST_TEST(!seen[0].starts_with("a "));
    BOOST_TEST(seen[1] == "a " + b);
  });
}

// A UDP client used to go on sending to a backend that had left.
BOOST_AUTO_TEST_CASE(a_udp_client_is_led_to_whoever_is_there_now) {
  test::in_new_network([] {
    machine m;
    // Backends on the machine itself: two sockets that say who they are.
    auto serve = [](uint16_t port) {
      int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      auto any = socket_address("10.244.0.1", port);
      BOOST_REQUIRE(bind(s, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
      return s;
    };
    int first = serve(5001), second = serve(5002);
    int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    auto to = socket_address("10.96.0.22", 53);
    BOOST_REQUIRE(connect(client, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    auto lead_to = [&](uint16_t port) {
      m.table->put({*address::parse("10.96.0.22"), 17, 53},
                   {{{*address::parse("10.244.0.1"), port}}, 0, false, {}});
      BOOST_REQUIRE(m.table->commit());
    };
    auto hears = [&](int socket) {
      BOOST_REQUIRE(write(client, "x", 1) == 1);
      pollfd wait{socket, POLLIN, 0};
      char c;
      return poll(&wait, 1, 2000) == 1 && read(socket, &c, 1) == 1;
    };
    lead_to(5001);
    BOOST_TEST(hears(first));
    lead_to(5002);
    BOOST_TEST(hears(second));
    for (int s : {first, second, client}) close(s);
  });
}

BOOST_AUTO_TEST_CASE(nothing_stays_behind) {
  test::in_new_network([] {
    {
      machine m;
      m.put("10.96.0.16", 80, {m.add_pod("a")});
    }
    auto here = dataplane::links::open();
    BOOST_REQUIRE(here);
    auto all = here->all();
    BOOST_REQUIRE(all);
    for (auto& l : *all) BOOST_TEST(!l.name.starts_with("troupe"));
    auto socket = dataplane::netlink_socket::open(12);
    BOOST_REQUIRE(socket);
    BOOST_TEST(!dataplane::nft::table_exists(*socket, "troupe"));
  });
}

BOOST_AUTO_TEST_CASE(addresses_are_used_again_as_late_as_possible) {
  address_pool pool(*network::parse("10.0.0.0/29")); // .2 to .6
  BOOST_TEST(pool.take("a")->text() == "10.0.0.2");
  BOOST_TEST(pool.take("a")->text() == "10.0.0.2");
  pool.release("a");
  BOOST_TEST(pool.take("b")->text() == "10.0.0.3");
  BOOST_TEST(pool.keep("c", *address::parse("10.0.0.4")));
  BOOST_TEST(!pool.keep("d", *address::parse("10.0.0.4")));
  BOOST_TEST(!pool.keep("d", *address::parse("10.0.0.1")));
  BOOST_TEST(pool.take("e")->text() == "10.0.0.5");
  BOOST_TEST(pool.take("f")->text() == "10.0.0.6");
  BOOST_TEST(pool.take("g")->text() == "10.0.0.2");
  BOOST_TEST(!pool.take("h"));
}

BOOST_AUTO_TEST_SUITE_END()
