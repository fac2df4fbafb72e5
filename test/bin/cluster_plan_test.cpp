// How a cluster on one machine is laid out, and how kubeconfigs are put together.
#include "bin/kubeconfig.hpp"
#include "bin/cluster/plan.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace troupe;
using namespace troupe::clusters;

namespace {

const places at{"/var/c", "/run/c"};

book lab() { return {.name = "lab", .number = 12, .servers = 3, .agents = 2, .port = 6443}; }

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const char* other_config = R"(apiVersion: v1
kind: Config
clusters:
- name: other
  cluster: {server: "https://192.0.2.1"}
contexts:
- name: other
  context: {cluster: other, user: someone}
users:
- name: someone
  user: {token: t}
current-context: other
)";

const char* own_config = R"(apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: lab, context: {cluster: lab, user: lab-admin}}]
users: [{name: lab-admin, user: {token: u}}]
current-context: lab
)";

} // namespace

BOOST_AUTO_TEST_SUITE(cluster_plan_test)

BOOST_AUTO_TEST_CASE(every_member_has_names_and_addresses_of_its_own) {
  book largest{.name = std::string(name_size_max, 'a'),
               .number = numbers_max,
               .servers = servers_max,
               .agents = agents_max,
               .port = 1};
  std::set<std::string> seen;
  auto all = members_of(largest, at);
  BOOST_TEST(all.size() == servers_max + agents_max);
  for (auto& m : all) {
    BOOST_TEST(m.port.size() <= 15u, m.port); // what the kernel takes as the name of a link
    for (auto& name : {m.name, m.address, m.space, m.port, m.data.string()})
      BOOST_TEST(seen.insert(name).second, name);
  }
}

BOOST_AUTO_TEST_CASE(servers_know_each_other_and_agents_start_from_what_they_were_given) {
  auto members = members_of(lab(), at);
  auto server = command_of(members[1], lab(), at);
  BOOST_TEST(server[0] == "server");
  for (auto word : {"2", "1=10.89.12.11:6444", "3=10.89.12.13:6444", "10.89.12.12"})
    BOOST_TEST(has(server, word), word);
  auto agent = command_of(members[4], lab(), at);
  BOOST_TEST(agent[0] == "agent");
  BOOST_TEST(has(agent, "agent-2"));
  BOOST_TEST(has(relay_command(lab(), at), "10.89.12.13:6443"));
  auto alone = lab();
  alone.servers = 1;
  BOOST_TEST(!has(command_of(members_of(alone, at)[0], alone, at), "--server"));
}

BOOST_AUTO_TEST_CASE(a_book_is_read_as_it_was_written) {
  auto read = book::parse(lab().text());
  BOOST_REQUIRE(read);
  BOOST_TEST(read->text() == lab().text());
  for (auto bad : {"", "{}", R"({"name":"../x","number":1,"servers":1,"agents":1,"port":1})",
                   R"({"name":"x","number":999,"servers":1,"agents":1,"port":1})"})
    BOOST_TEST(!book::parse(bad), bad);
}

BOOST_AUTO_TEST_CASE(names_that_lead_out_of_their_directory_are_refused) {
  for (auto bad : {"", "..", "a/b", "A", "-a", "a.b", "0123456789012345678901234567890123456789x"})
    BOOST_TEST(!check_name(bad), bad);
  BOOST_TEST(check_name("lab-1").has_value());
}

BOOST_AUTO_TEST_CASE(numbers_are_given_once) {
  auto first = free_number("lab", {});
  BOOST_REQUIRE(first);
  BOOST_TEST(*free_number("lab", {}) == *first);
  BOOST_TEST(*free_number("lab", {*first}) != *first);
  std::vector<unsigned> all;
  for (unsigned i = 1; i <= numbers_max; ++i) all.push_back(i);
  BOOST_TEST(!free_number("lab", all));
}

BOOST_AUTO_TEST_CASE(a_kubeconfig_keeps_what_others_put_there) {
  auto both = merge_kubeconfig(other_config, own_config);
  BOOST_REQUIRE(both);
  for (auto part : {"https://192.0.2.1", "https://127.0.0.1:1", "current-context: lab"})
    BOOST_TEST(both->find(part) != both->npos, part);
  BOOST_TEST(*merge_kubeconfig(*both, own_config) == *both);
  auto left = without_cluster(*both, "lab", "lab-admin");
  BOOST_REQUIRE(left);
  BOOST_TEST(left->find("lab") == left->npos);
  BOOST_TEST(left->find("https://192.0.2.1") != left->npos);
  BOOST_TEST(merge_kubeconfig("", own_config).has_value());
  BOOST_TEST(!merge_kubeconfig("[1, 2]", own_config));
}

BOOST_AUTO_TEST_CASE(only_the_cluster_that_we_are_leaves_with_us) {
  auto config = [](const std::string& authority) {
    return "{clusters: [{name: troupe, cluster: {certificate-authority-data: " + authority +
           "}}], users: [{name: me}], contexts: [{name: troupe, context: {cluster: troupe, user: "
           "me}}], current-context: troupe}";
  };
  auto both = merge_kubeconfig(other_config, config("b3Vycw=="));
  BOOST_REQUIRE(both);
  BOOST_TEST(*without_own(*both, config("dGhlaXJz")) == *both);
  auto left = without_own(*both, config("b3Vycw=="));
  BOOST_REQUIRE(left);
  BOOST_TEST(left->find("troupe") == left->npos);
  BOOST_TEST(left->find("https://192.0.2.1") != left->npos);
}

BOOST_AUTO_TEST_SUITE_END()
