// What a kubeconfig says to a client: where the servers take links, and who one is.
#include "actors/client/settings.hpp"
#include "messages/base/base64.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::client;

namespace {

std::string config(const std::string& cluster_more, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: one\n"
         "contexts:\n- name: one\n  context: {cluster: c, user: u, namespace: shop}\n"
         "- name: other\n  context: {cluster: gone, user: u}\n"
         "clusters:\n- name: c\n  cluster:\n    server: https://10.0.0.9:6443\n"
         "    certificate-authority-data: " +
         base64::encode("CA") + "\n" + cluster_more + "users:\n- name: u\n  user: " + user + "\n";
}

const std::string somebody = "{client-certificate-data: " + base64::encode("CERT") +
                             ", client-key-data: " + base64::encode("KEY") + "}";

} // namespace

BOOST_AUTO_TEST_SUITE(client_settings_test)

BOOST_AUTO_TEST_CASE(links_are_where_the_extension_says) {
  auto got =
      read_kubeconfig(config("    extensions:\n    - name: troupe.dev/links\n      extension: "
                             "{servers: ['a:7001', '10.0.0.2:7002']}\n",
                             somebody));
  BOOST_TEST_REQUIRE(got.has_value());
  BOOST_TEST(got->servers.size() == 2u);
  BOOST_TEST(got->servers[0].host == "a");
  BOOST_TEST(got->servers[1].port == 7002);
  BOOST_TEST(got->ns == "shop");
  BOOST_TEST(got->who.certificate_chain_pem == "CERT");
}

BOOST_AUTO_TEST_CASE(or_behind_the_port_of_the_api) {
  auto got = read_kubeconfig(config("", somebody));
  BOOST_TEST_REQUIRE(got.has_value());
  BOOST_TEST(got->servers.at(0).host == "10.0.0.9");
  BOOST_TEST(got->servers.at(0).port == 6444);
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named) {
  auto says = [](const result<settings>& got, const char* word) {
    return !got && got.error().message.find(word) != std::string::npos;
  };
  BOOST_TEST(says(read_kubeconfig(config("", somebody), "nobody"), "no context \"nobody\""));
  BOOST_TEST(says(read_kubeconfig(config("", somebody), "other"), "no cluster \"gone\""));
  BOOST_TEST(says(read_kubeconfig(config("", "{token: abc}")), "no client certificate"));
  BOOST_TEST(says(read_kubeconfig("current-context: x\n"), "no context"));
  BOOST_TEST(says(read_kubeconfig("{"), "cannot be read"));
}

BOOST_AUTO_TEST_SUITE_END()
