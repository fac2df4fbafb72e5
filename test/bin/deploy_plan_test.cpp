// What is to be done on hosts: a list and what was seen go in, steps come out.
#include "bin/deploy/plan.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace troupe;
using namespace troupe::deploy;

namespace {

const char* list = R"(
ssh: {user: admin, port: 2222, options: [StrictHostKeyChecking=no]}
hosts:
- {address: 10.0.0.1, role: server}
- {address: 10.0.0.2, role: server, ssh: {port: 22}}
- {address: 10.0.0.3, role: agent, name: worker-1}
)";

facts fresh() {
  facts f;
  f.machine = "x86_64";
  f.kernel = "6.1.0-1-amd64";
  f.user = "0";
  f.runc = "runc version 1.1.5";
  f.cgroups = f.overlay = true;
  return f;
}

const wanted want{"p", {"c1", "c2", "c3"}};

/// As it is after its steps were carried out.
facts after(facts f, const host& h, size_t i) {
  f.program = want.program;
  f.config = want.configs[i];
  f.part = h.role;
  f.running = true;
  return f;
}

std::string text(const std::vector<step>& steps) {
  std::string out;
  for (auto& s : steps)
    out += (s.what == step::kind::copy ? "copy "
            : s.joins                  ? "join "
                                       : "install ") +
           std::to_string(s.host + 1) + "; ";
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(deploy_plan_test)

BOOST_AUTO_TEST_CASE(hosts_are_read_and_say_more_than_what_is_said_for_all) {
  auto hosts = read_hosts(list);
  BOOST_REQUIRE_MESSAGE(hosts, hosts.error().message);
  BOOST_TEST(hosts->size() == 3u);
  BOOST_TEST((*hosts)[0].way.port == 2222);
  BOOST_TEST((*hosts)[1].way.port == 22);
  BOOST_TEST((*hosts)[1].way.user == "admin");
  BOOST_TEST((*hosts)[2].name == "worker-1");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_list_is_said) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "the file"},
      {"hosts: []", "at least one host"},
      {"hosts: [{address: 10.0.0.1, role: agent}]", "must be a server"},
      {"hosts: [{address: here, role: server}]", "no IP address"},
      {"hosts: [{address: 10.0.0.1, role: boss}]", "a server or an agent"},
      {"hosts: [{address: 10.0.0.1, role: server, nmae: x}]", "\"nmae\" is not known"},
      {"hosts: [{address: 10.0.0.1, role: server, root: \"/a'b\"}]", "plain absolute path"},
      {"hosts: [{address: 10.0.0.1, role: server, name: \"..\"}]", "cannot be the name"},
      {"hosts: [{address: 10.0.0.1, role: server}, {address: 10.0.0.1, role: agent}]", "twice"},
      {"hosts: [{address: 10.0.0.1, role: server, ssh: {port: 0}}]", "1 to 65535"},
      {"hosts: [{address: 10.0.0.1, role: server, ssh: {user: -oProxyCommand=x}}]", "no user"}};
  for (auto& [yaml, said] : rows) {
    auto read = read_hosts(yaml);
    BOOST_REQUIRE_MESSAGE(!read, yaml);
    BOOST_TEST((read.error().message.find(said) != std::string::npos), read.error().message);
  }
}

BOOST_AUTO_TEST_CASE(a_list_of_fresh_hosts_becomes_a_cluster_and_then_nothing_is_left_to_do) {
  auto hosts = *read_hosts(list);
  std::vector<facts> seen(3, fresh());
  BOOST_TEST(text(plan(hosts, seen, want)) ==
             "copy 1; copy 2; copy 3; install 1; join 2; join 3; ");
  for (size_t i = 0; i < 3; ++i) seen[i] = after(seen[i], hosts[i], i);
  BOOST_TEST(text(plan(hosts, seen, want)) == "");
}

BOOST_AUTO_TEST_CASE(only_what_is_not_as_it_should_be_is_done) {
  auto hosts = *read_hosts(list);
  std::vector<facts> whole;
  for (size_t i = 0; i < 3; ++i) whole.push_back(after(fresh(), hosts[i], i));
  auto seen = whole;
  seen[2] = fresh(); // a new machine in the place of an old one
  BOOST_TEST(text(plan(hosts, seen, want)) == "copy 3; join 3; ");
  seen = whole;
  seen[1].running = false;
  BOOST_TEST(text(plan(hosts, seen, want)) == "install 2; ");
  seen = whole;
  seen[2].config = "old";
  BOOST_TEST(text(plan(hosts, seen, want)) == "install 3; ");
  seen = whole;
  for (auto& f : seen) f.program = "old"; // an upgrade
  BOOST_TEST(text(plan(hosts, seen, want)) ==
             "copy 1; copy 2; copy 3; install 1; install 2; install 3; ");
  seen = whole;
  seen[0] = fresh(); // the first one was lost: it joins the others
  BOOST_TEST(first_server(hosts, seen) == 1u);
  BOOST_TEST(text(plan(hosts, seen, want)) == "copy 1; join 1; ");
}

BOOST_AUTO_TEST_CASE(a_host_that_cannot_be_what_it_is_to_be_says_why) {
  auto hosts = *read_hosts(list);
  auto& agent = hosts[2];
  BOOST_TEST(unfit(agent, fresh(), "x86_64") == "");
  struct row {
    std::function<void(facts&)> change;
    const char* said;
  };
  const row rows[] = {{[](facts& f) { f.problem = "no route"; }, "no route"},
                      {[](facts& f) { f.user = "1000"; }, "root"},
                      {[](facts& f) { f.machine = "aarch64"; }, "aarch64"},
                      {[](facts& f) { f.part = "server"; }, "a server already"},
                      {[](facts& f) { f.kernel = "5.4.0"; }, "Linux 5.4.0"},
                      {[](facts& f) { f.runc = ""; }, "no runc"},
                      {[](facts& f) { f.cgroups = false; }, "control groups"},
                      {[](facts& f) { f.overlay = false; }, "overlayfs"}};
  for (auto& r : rows) {
    auto f = fresh();
    r.change(f);
    auto why = unfit(agent, f, "x86_64");
    BOOST_TEST((why.find(r.said) != why.npos), why);
  }
  auto server = fresh();
  server.runc = "";
  BOOST_TEST(unfit(hosts[0], server, "x86_64") == ""); // it runs no pods
}

BOOST_AUTO_TEST_CASE(facts_are_read_from_what_the_script_prints) {
  auto f = read_facts("Welcome!\nmachine=x86_64\nkernel=6.1\nuser=0\nname=web\nrunc=runc version "
                      "1\ncgroups=yes\noverlay=yes\nprogram=abc\npart=agent\nrunning=yes\n");
  BOOST_TEST(f.machine == "x86_64");
  BOOST_TEST(f.program == "abc");
  BOOST_TEST(f.part == "agent");
  BOOST_TEST((f.running && f.cgroups && f.overlay));
  BOOST_TEST(look_script("/srv/x").find("'/srv/x/usr/local/bin/troupe'") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
