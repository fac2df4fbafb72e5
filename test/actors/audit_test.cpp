// What the audit log tells of: policies, lines, and the file that grows and is put aside.
#include "actors/gateway/audit/log.hpp"
#include "messages/base/json.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

BOOST_AUTO_TEST_SUITE(audit_test)

using namespace troupe;
using gateway::attributes;
using gateway::audit_level;
using gateway::audit_policy;
using gateway::audit_stage;
using test::temporary_directory;

namespace {

audit_policy policy(const std::string& rules) {
  auto read = audit_policy::read("apiVersion: audit.k8s.io/v1\nkind: Policy\n" + rules);
  if (!read) BOOST_FAIL(read.error().message);
  return *read;
}

const gateway::user alice{"alice", {}, {"devs", "system:authenticated"}, {}};

attributes about(std::string verb, std::string plural, std::string sub = {}, std::string ns = "a",
                 std::string group = {}, std::string name = {}) {
  return {.verb = std::move(verb),
          .group = std::move(group),
          .version = "v1",
          .plural = std::move(plural),
          .subresource = std::move(sub),
          .name = std::move(name),
          .ns = std::move(ns)};
}

attributes path(std::string verb, std::string path) {
  attributes a{.verb = std::move(verb), .resource = false};
  a.path = std::move(path);
  return a;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

gateway::audit_event event(audit_level level) {
  auto of = std::make_shared<gateway::audited_request>();
  of->verdict.level = level;
  of->id = "id-1";
  of->uri = "/api/v1/namespaces/a/pods";
  of->address = "10.0.0.9";
  of->content_type = "application/json";
  of->body = R"({"metadata":{"name":"p","managedFields":[{"manager":"m"}]}})";
  of->where = {.resource = true, .verb = "create", .version = "v1", .ns = "a", .plural = "pods"};
  of->who = alice;
  of->received = {1'700'000'000, 5'000};
  gateway::audit_event e;
  e.of = std::move(of);
  e.stage = audit_stage::response_complete;
  e.at = {1'700'000'001, 0};
  e.status = 201;
  e.content_type = "application/json";
  e.answer = {http::share(R"({"kind":"Pod","metadata":{"name":"p"}})")};
  e.decision = "allow";
  return e;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_first_rule_that_fits_decides) {
  auto p = policy(R"(
rules:
- {level: None, users: [system:kube-proxy], verbs: [watch]}
- {level: None, nonResourceURLs: ["/healthz*", /version]}
- {level: Metadata, resources: [{group: "", resources: [configmaps, pods/log, "*/status"]}]}
- {level: Request, userGroups: [devs], namespaces: [a, ""]}
- {level: RequestResponse, resources: [{group: apps, resources: [deployments], resourceNames: [web]}, {group: batch}]}
- {level: Request, resources: [{group: "", resources: ["services/*"]}]}
)");
  const gateway::user proxy{"system:kube-proxy", {}, {}, {}}, bob{"bob", {}, {}, {}};
  struct row {
    const gateway::user& who;
    attributes wanted;
    audit_level level;
  };
  for (auto& r : {row{proxy, about("watch", "services"), audit_level::none},
                  row{bob, path("get", "/healthz/ping"), audit_level::none},
                  row{bob, path("get", "/version"), audit_level::none},
                  row{alice, about("get", "configmaps"), audit_level::metadata},
                  row{alice, about("get", "pods", "log"), audit_level::metadata},
                  row{alice, about("update", "nodes", "status", ""), audit_level::metadata},
                  row{alice, about("get", "pods"), audit_level::request},
                  row{alice, about("get", "nodes", "", ""), audit_level::request},
                  row{alice, about("get", "pods", "", "b"), audit_level::none},
                  row{bob, about("get", "pods"), audit_level::none},
                  row{bob, about("get", "deployments", "", "a", "apps", "web"),
                      audit_level::request_response},
                  row{bob, about("get", "deployments", "", "a", "apps", "x"), audit_level::none},
                  row{bob, about("get", "jobs", "", "a", "batch"), audit_level::request_response},
                  row{bob, about("get", "services", "proxy"), audit_level::request},
                  row{bob, about("get", "services"), audit_level::none}})
    BOOST_TEST(static_cast<int>(p.judge(r.who, r.wanted).level) == static_cast<int>(r.level),
               r.wanted.verb << " " << r.wanted.plural << r.wanted.path);
}

BOOST_AUTO_TEST_CASE(secrets_and_tokens_are_never_told) {
  auto p = policy("rules: [{level: RequestResponse}]");
  for (auto& wanted : {about("create", "secrets"), about("list", "secrets"),
                       about("create", "serviceaccounts", "token"),
                       about("create", "tokenreviews", "", "", "authentication.k8s.io")})
    BOOST_TEST(static_cast<int>(p.judge(alice, wanted).level) ==
                   static_cast<int>(audit_level::metadata),
               wanted.plural);
  BOOST_TEST(static_cast<int>(p.judge(alice, about("create", "pods")).level) ==
             static_cast<int>(audit_level::request_response));
}

BOOST_AUTO_TEST_CASE(stages_are_left_out_by_policy_and_by_rule) {
  auto p = policy("omitStages: [RequestReceived]\nrules: [{level: Metadata, omitStages: [Panic]}]");
  auto v = p.judge(alice, about("get", "pods"));
  BOOST_TEST(!v.tells(audit_stage::request_received));
  BOOST_TEST(!v.tells(audit_stage::panic));
  BOOST_TEST(v.tells(audit_stage::response_complete));
}

BOOST_AUTO_TEST_CASE(bad_policies_are_refused_with_what_is_wrong) {
  struct row {
    const char *text, *words;
  };
  for (auto& r :
       {row{"rules: [{level: Metadata}]", "must be a Policy"},
        row{"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []", "no rules"},
        row{"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: All}]", "rules[0].level"},
        row{"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, user: [a]}]",
            "unknown field"},
        row{"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, omitStages: [x]}]",
            "no stage"},
        row{"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: "
            "[/a*b]}]",
            "at its end"},
        row{"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: "
            "[/a], namespaces: [b]}]",
            "two rules"}}) {
    auto read = audit_policy::read(r.text);
    BOOST_REQUIRE(!read);
    BOOST_TEST(read.error().message.find(r.words) != std::string::npos, read.error().message);
  }
}

BOOST_AUTO_TEST_CASE(a_line_tells_as_much_as_its_level_says) {
  auto member = [](const std::string& line, std::initializer_list<std::string_view> keys) {
    auto tree = json::parse(line);
    BOOST_REQUIRE(tree);
    auto found = json::find(*tree, keys);
    return found ? json::write(*found) : std::string{};
  };
  auto line = gateway::audit_line(event(audit_level::metadata));
  BOOST_TEST(line.find('\n') == line.size() - 1);
  BOOST_TEST(member(line, {"kind"}) == "\"Event\"");
  BOOST_TEST(member(line, {"stage"}) == "\"ResponseComplete\"");
  BOOST_TEST(member(line, {"user", "username"}) == "\"alice\"");
  BOOST_TEST(member(line, {"objectRef", "resource"}) == "\"pods\"");
  BOOST_TEST(member(line, {"requestReceivedTimestamp"}) == "\"2023-11-14T22:13:20.000005Z\"");
  BOOST_TEST(member(line, {"responseStatus", "code"}) == "201");
  BOOST_TEST(member(line, {"requestObject"}) == "");
  line = gateway::audit_line(event(audit_level::request));
  BOOST_TEST(member(line, {"requestObject", "metadata", "name"}) == "\"p\"");
  BOOST_TEST(member(line, {"objectRef", "name"}) == "\"p\"");
  BOOST_TEST(member(line, {"responseObject"}) == "");
  line = gateway::audit_line(event(audit_level::request_response));
  BOOST_TEST(member(line, {"responseObject", "kind"}) == "\"Pod\"");
  BOOST_TEST(member(line, {"requestObject", "metadata", "managedFields"}) != "");
  auto bare = event(audit_level::request_response);
  auto of = std::make_shared<gateway::audited_request>(*bare.of);
  of->verdict.without_managed_fields = true;
  bare.of = of;
  line = gateway::audit_line(bare);
  BOOST_TEST(member(line, {"requestObject", "metadata", "managedFields"}) == "");
}

BOOST_AUTO_TEST_CASE(a_full_file_is_put_aside_and_old_ones_go) {
  temporary_directory where;
  auto file = where.path + "/audit.log";
  {
    gateway::audit_settings given;
    given.path = file;
    given.file_bytes_max = 2000;
    given.backups_max = 2;
    auto log = gateway::audit_log::open(std::move(given));
    BOOST_REQUIRE(log);
    for (int i = 0; i < 40; ++i) {
      (*log)->put(event(audit_level::request));
      while ((*log)->written() <= static_cast<uint64_t>(i)) std::this_thread::yield();
    }
    BOOST_TEST((*log)->dropped() == 0);
  }
  size_t files = 0;
  for (auto& f : std::filesystem::directory_iterator(where.path)) {
    ++files;
    BOOST_TEST(f.file_size() <= 2000 + 1000);
  }
  BOOST_TEST(files == 3);
  auto text = text_of(file);
  BOOST_TEST(text.ends_with("\n"));
  auto perms = std::filesystem::status(file).permissions();
  BOOST_TEST((perms == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_dropped_and_counted) {
  temporary_directory where;
  gateway::audit_settings given;
  given.path = where.path + "/audit.log";
  given.queue_bytes_max = 10; // less than one event
  auto log = gateway::audit_log::open(std::move(given));
  BOOST_REQUIRE(log);
  (*log)->put(event(audit_level::metadata));
  BOOST_TEST((*log)->dropped() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
