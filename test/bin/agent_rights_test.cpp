// What somebody can do who has stolen an agent's certificate: row 38 of the hostile inputs, and
// whatever else he may try over a LINK or HTTPS. Nothing but what is that node's own.
#include "actors/gateway/collected.hpp"
#include "actors/link/hub.hpp"
#include "messages/api/node.pb.h"
#include "messages/cluster/node_link.pb.h"
#include "messages/cluster/peer.pb.h"
#include "net/link/network.hpp"
#include "test/bin/support/whole.hpp"
#include "test/net/support/box.hpp"

using namespace troupe;
using test::whole;
using namespace std::chrono_literals;

namespace {

/// A thief: one link to the server, with the certificate of node n1.
struct thief {
  explicit thief(whole& c)
      : own{*c.join_as("n1", c.token("aaaaaa", 0))},
        net{settings(), [this](auto made) {
              auto asks = std::make_shared<link::requests>(made, nullptr);
              link::connection::callbacks calls;
              calls.on_message = [asks](link::stream on, std::string_view bytes) {
                if (on == link::stream::bulk) (void)asks->heard(bytes);
              };
              calls.on_down = [this, asks](std::string_view why) {
                asks->down();
                downs.put(std::string(why));
              };
              ups.put({std::move(made), asks});
              return calls;
            }} {
    auto at = own.servers.begin()->second;
    BOOST_REQUIRE(net.dial(at.host, at.port, any_server_host));
    std::tie(over, asks) = ups.take();
  }
  ~thief() { net.stop(); }

  link::network_settings settings() const {
    link::network_settings out;
    out.who = {own.own.certificate_pem, own.own.key_pem, own.authority_pem};
    out.mux = link::with_requests();
    return out;
  }
  template<class Word> void say(link::stream on, const Word& word) {
    over->send(on, std::make_shared<const std::string>(word.SerializeAsString()));
  }

  node_credentials own;
  test::box<std::pair<std::shared_ptr<link::connection>, std::shared_ptr<link::requests>>> ups;
  test::box<std::string> downs;
  link::network net;
  std::shared_ptr<link::connection> over;
  std::shared_ptr<link::requests> asks;
};

json::value members_of(whole& c) {
  auto seen = call(c.admin, {.target = "/troupe/v1/members"});
  BOOST_REQUIRE_MESSAGE(seen, seen.error().message);
  return *seen;
}

bool there(whole& c, const std::string& path) {
  return call(c.admin, {.target = path}).has_value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(agent_rights_test)

BOOST_AUTO_TEST_CASE(an_agent_that_speaks_as_a_server_is_not_heard) {
  whole c;
  auto before = members_of(c);
  thief t{c};
  // A vote of a term far away, and word that this server was removed.
  cluster::PeerMessage vote, removed;
  removed.set_removed(true);
  for (int i = 0; i < 1'000; ++i) t.say(link::stream::raft, removed);
  std::string flood(64 * 1024, '\x01');
  t.over->send(link::stream::raft, std::make_shared<const std::string>(flood));
  // What it says as a node is heard after that: everything before has been looked at.
  cluster::NodeToServer wrong;
  wrong.mutable_arrived()->set_node("no node");
  t.say(link::stream::messages, wrong);
  t.downs.take();
  auto after = members_of(c);
  BOOST_TEST((after == before));
}

BOOST_AUTO_TEST_CASE(an_agent_that_speaks_for_another_node_is_sent_away) {
  whole c;
  thief t{c};
  k8s::core::v1::Node other;
  other.mutable_metadata()->set_name("n2");
  cluster::NodeToServer word;
  word.mutable_arrived()->set_node(other.SerializeAsString());
  t.say(link::stream::messages, word);
  t.downs.take();
  BOOST_TEST(!there(c, "/api/v1/nodes/n2"));
}

BOOST_AUTO_TEST_CASE(an_agent_may_ask_nothing_over_its_link) {
  whole c;
  thief t{c};
  for (auto path : {"/api/v1/secrets", "/troupe/v1/actors", "/troupe/v1/actors/scheduler",
                    "/troupe/v1/actors/raft?word=resync", "/troupe/v1/members", "/version"})
    for (auto method : {"GET", "POST"}) {
      auto request = http::request::parse(std::string(method) + " " + path +
                                          " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      BOOST_REQUIRE_MESSAGE(request, request.error().message);
      auto answers = std::make_shared<test::box<int>>();
      t.asks->ask(*request,
                  gateway::collect([answers](http::response r) { answers->put(r.status); }));
      BOOST_TEST(answers->take() == 403, method << " " << path);
    }
}

BOOST_AUTO_TEST_CASE(an_agents_certificate_addresses_no_actor_over_https_either) {
  whole c;
  auto own = *c.join_as("n1", c.token("aaaaaa", 0));
  auto as_node = c.admin;
  as_node.whom.who = {own.own.certificate_pem, own.own.key_pem, own.authority_pem};
  struct row {
    const char *method, *path;
  };
  for (auto& r :
       {row{"GET", "/troupe/v1/actors"}, row{"GET", "/troupe/v1/actors/raft"},
        row{"GET", "/troupe/v1/actors/node/n2"}, row{"POST", "/troupe/v1/actors/nodes?word=resync"},
        row{"GET", "/troupe/v1/members"}, row{"DELETE", "/troupe/v1/members/1"},
        row{"POST", "/troupe/v1/servers"}, row{"POST", "/troupe/v1/loglevel?level=debug"},
        row{"GET", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-aaaaaa"},
        row{"GET", "/troupe/v1/history/api/v1/namespaces/kube-system/secrets/x"},
        row{"GET", "/troupe/v1/trace/api/v1/namespaces/kube-system/secrets/x"},
        row{"GET", "/api/v1/secrets"}}) {
    auto got = call(as_node, {.method = r.method, .target = r.path, .body = "{}"});
    BOOST_TEST(!got, r.path);
    if (!got)
      BOOST_TEST((got.error().code == errc::forbidden || got.error().code == errc::unauthorized),
                 r.path << ": " << got.error().message);
  }
  // Nor in anybody else's name: only servers speak for others.
  for (auto name : {"admin", "system:node:n2", "server:1"}) {
    auto got =
        call(as_node,
             {.target = "/api/v1/nodes",
              .headers = {{"Impersonate-User", name}, {"Impersonate-Group", "system:masters"}}});
    BOOST_TEST(!got, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
