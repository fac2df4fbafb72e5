// Joining, tried on a whole control plane in this process: each hostile way in is refused with one
// line that says why, and nothing is made for it.
#include "actors/link/uplink.hpp"
#include "bin/members.hpp"
#include "net/tls/files.hpp"
#include "test/bin/support/whole.hpp"

using namespace troupe;
using test::refused, test::whole;

BOOST_AUTO_TEST_SUITE(join_test)

BOOST_AUTO_TEST_CASE(a_node_joins_with_a_token_and_only_so) {
  whole c;
  auto now = wall_clock().seconds;
  auto good = c.token("aaaaaa", now + 3600);
  auto joined = c.join_as("n1", good);
  BOOST_REQUIRE_MESSAGE(joined, joined.error().message);
  auto read = tls::read_certificate(joined->own.certificate_pem);
  BOOST_REQUIRE(read);
  BOOST_TEST(read->common_name == "system:node:n1");
  // Row 37 of the hostile inputs. A token holds for many machines, but a name for one alone, also
  // before the first of them has shown itself.
  refused(c.join_as("n1", good), "another machine has just joined as n1");
  BOOST_TEST(c.join_as("n9", good).has_value());
  auto held = call(c.admin, {.target = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/"
                                       "leases/joining-n9"});
  BOOST_REQUIRE(held); // so that all servers know
  BOOST_TEST(json::string_at(*held, {"spec", "holderIdentity"}) == "system:bootstrap:aaaaaa");
  refused(c.join_as("n2", c.token("bbbbbb", now - 1)), "not known or does not hold");
  auto gone = c.token("cccccc", 0);
  BOOST_REQUIRE(call(c.admin, {.method = "DELETE",
                               .target = "/api/v1/namespaces/kube-system/secrets/"
                                         "bootstrap-token-cccccc"}));
  refused(c.join_as("n2", gone), "not known or does not hold");
  auto other = good.substr(0, good.find("::") + 2) + std::string(64, '0');
  refused(c.join_as("n2", other), "another cluster");
  for (auto name : {"..", "a/b", "-a", "A", ""})
    refused(c.join_as(name, good), "cannot be the name of a node");
  refused(c.join_as("n2", "nonsense"), "no join token");
  auto node =
      call(c.admin, {.method = "POST",
                     .target = "/api/v1/nodes",
                     .headers = {{"Content-Type", "application/json"}},
                     .body = R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"}})"});
  BOOST_REQUIRE_MESSAGE(node, node.error().message);
  refused(c.join_as("n1", good), "there is a node n1 already");
}

BOOST_AUTO_TEST_CASE(a_token_for_agents_lets_no_server_join) {
  whole c;
  auto now = wall_clock().seconds;
  auto at = "@127.0.0.1:" + std::to_string(c.plane->port());
  new_server own{c.where.path + "/s2", "127.0.0.1:1", "127.0.0.1:2"};
  refused(join_servers(own, c.token("aaaaaa", now + 3600) + at), "--role server");
  BOOST_TEST(!std::filesystem::exists(own.data / "pki"));
  auto good = c.token("bbbbbb", now + 3600, gateway::server_bootstrappers);
  refused(join_servers({own.data, "nowhere", "x"}, good + at), "HOST:PORT");
  refused(join_servers(own, good), "TOKEN@HOST");
  auto id = join_servers(own, good + at);
  BOOST_REQUIRE_MESSAGE(id, id.error().message);
  BOOST_TEST(*id == 2u);
  BOOST_TEST(*join_servers(own, good + at) == 2u); // it knows already
  // Somebody else at the same address is refused.
  refused(join_servers({c.where.path + "/s3", own.link, own.api}, good + at), "already");
  // Keys go nowhere else than to the files that are expected.
  for (auto name : shared_keys) BOOST_TEST(std::filesystem::exists(own.data / "pki" / name), name);
}

BOOST_AUTO_TEST_CASE(only_administrators_see_and_change_the_servers) {
  whole c;
  auto pass = join_token::parse(c.token("aaaaaa", 0, gateway::server_bootstrappers));
  auto as_token = c.admin;
  as_token.whom.who.certificate_chain_pem.clear();
  as_token.whom.who.key_pem.clear();
  const std::pair<std::string, std::string> requests[] = {
      {"GET", ""}, {"DELETE", "/1"}, {"POST", "/1/transfer"}};
  for (auto& [method, rest] : requests)
    refused(call(as_token, {.method = method,
                            .target = "/troupe/v1/members" + rest,
                            .headers = {{"Authorization", "Bearer " + pass->token}}}),
            "may not see or change");
  auto seen = call(c.admin, {.target = "/troupe/v1/members"});
  BOOST_REQUIRE_MESSAGE(seen, seen.error().message);
  BOOST_TEST(json::find(*seen, "members")->get_array().size() == 1u);
  refused(call(c.admin, {.method = "DELETE", .target = "/troupe/v1/members/1"}), "");
  refused(call(c.admin, {.method = "DELETE", .target = "/troupe/v1/members/9"}), "no server 9");
}

BOOST_AUTO_TEST_CASE(a_node_renews_in_its_own_name_whatever_it_asks_for) {
  whole c;
  auto joined = c.join_as("n1", c.token("aaaaaa", 0));
  BOOST_REQUIRE(joined);
  auto links = uplinks::start(
      c.plane->system(),
      {.node = "n1",
       .who = {joined->own.certificate_pem, joined->own.key_pem, joined->authority_pem},
       .servers = joined->servers});
  BOOST_REQUIRE(links);
  tls::certificate_spec spec;
  spec.common_name = "server:1";
  spec.organizations = {"system:masters", server_group};
  auto request = tls::make_request(joined->own.key_pem, spec);
  BOOST_REQUIRE(request);
  result<std::string> made = error{errc::unavailable, ""};
  for (auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
       !made && std::chrono::steady_clock::now() < until;)
    made = (*links)->sign(*request, std::chrono::seconds{5});
  BOOST_REQUIRE_MESSAGE(made, made.error().message);
  auto read = tls::read_certificate(*made);
  BOOST_REQUIRE(read);
  BOOST_TEST(read->common_name == "system:node:n1");
  BOOST_TEST((read->organizations == std::vector<std::string>{node_group}));
  auto refused_request = (*links)->sign("nonsense", std::chrono::seconds{5});
  BOOST_TEST(!refused_request);
  (*links)->stop();
}

BOOST_AUTO_TEST_CASE(a_servers_certificates_are_made_anew_while_it_runs) {
  whole c;
  auto before = c.plane->certificates();
  BOOST_REQUIRE(c.plane->renew_certificates());
  auto after = c.plane->certificates();
  for (size_t i = 0; i < before.size(); ++i) BOOST_TEST((before[i] != after[i]));
  BOOST_TEST(call(c.admin, {.target = "/api/v1/namespaces"}).has_value()); // old ones still hold
  auto again = access(c.where.path + "/s");
  BOOST_REQUIRE(again);
  BOOST_TEST(call(*again, {.target = "/api/v1/namespaces"}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
