// What query strings and headers mean to the API's door, and which fields objects are selected by.
#include "actors/gateway/fields.hpp"
#include "actors/gateway/media.hpp"
#include "actors/gateway/options.hpp"
#include "messages/api/events.pb.h"
#include "messages/api/meta.pb.h"
#include "storage/index.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(gateway_options_test)

using namespace troupe;

namespace {

const schema::kind& events() {
  return *schema::registry::built_in()->by_resource("events.k8s.io", "v1", "events");
}

} // namespace

BOOST_AUTO_TEST_CASE(a_flag_is_set_unless_it_says_0_or_false) {
  struct row {
    const char* query;
    bool set;
  };
  for (auto& r : {row{"orphanDependents=true", true}, row{"orphanDependents=x", true},
                  row{"orphanDependents=1", true}, row{"orphanDependents=FALSE", false},
                  row{"orphanDependents=0", false}}) {
    k8s::meta::v1::DeleteOptions options;
    BOOST_REQUIRE(gateway::read_delete_options(*http::query::parse(r.query), options).has_value());
    BOOST_TEST(options.orphan_dependents() == r.set, r.query);
  }
}

BOOST_AUTO_TEST_CASE(wrong_options_are_told_as_kubernetes_tells_them) {
  struct row {
    const char *query, *message;
  };
  auto& pods = *schema::registry::built_in()->by_resource("", "v1", "pods");
  auto& sets = *schema::registry::built_in()->by_resource("apps", "v1", "statefulsets");
  auto& jobs = *schema::registry::built_in()->by_resource("batch", "v1", "jobs");
  auto listed = [](const schema::kind& kind, const char* query) {
    auto read = gateway::read_list_options(kind, *http::query::parse(query));
    return read ? std::string() : read.error().message;
  };
  BOOST_TEST(listed(pods, "limit=x") == "strconv.ParseInt: parsing \"x\": invalid syntax");
  BOOST_TEST(listed(pods, "fieldSelector=a%3Db") == "field label not supported: a");
  BOOST_TEST(listed(pods, "fieldSelector=spec.host%3Db") == "");
  BOOST_TEST(listed(jobs, "fieldSelector=a%3Db") == "field label \"a\" not supported for Job");
  BOOST_TEST(listed(sets, "fieldSelector=a%3Db") ==
             "\"a\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
  BOOST_TEST(listed(pods, "fieldSelector=a%3Db,c") == "invalid selector: 'a=b,c'; can't understand "
                                                      "'c'");
  BOOST_TEST(listed(pods, "resourceVersion=x") ==
             "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: "
             "parsing \"x\": invalid syntax");
  BOOST_TEST(listed(pods, "resourceVersionMatch=a&resourceVersion=1") ==
             "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: "
             "\"a\": supported values: \"Exact\", \"NotOlderThan\", \"\"");
  BOOST_TEST(listed(pods, "resourceVersionMatch=Exact&resourceVersion=1&continue=a") ==
             "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
             "resourceVersionMatch is forbidden when continue is provided");
  auto written = [](const char* query) {
    auto read = gateway::read_write_options(*http::query::parse(query), "CreateOptions");
    return read ? std::string() : read.error().message;
  };
  const std::string options = "CreateOptions.meta.k8s.io \"\" is invalid: ";
  BOOST_TEST(written("dryRun=All&dryRun=x") ==
             options + "dryRun: Unsupported value: []string{\"All\", \"x\"}: supported values: "
                       "\"All\"");
  BOOST_TEST(written("fieldValidation=x") ==
             options + "fieldValidation: Unsupported value: \"x\": supported values: \"\", "
                       "\"Ignore\", \"Strict\", \"Warn\"");
  BOOST_TEST(written("fieldManager=a%0a") ==
             options + "fieldManager: Invalid value: \"a\\n\": invalid character U+000A (at "
                       "position 1)");
  k8s::meta::v1::DeleteOptions deletion;
  auto deleted = gateway::read_delete_options(*http::query::parse("propagationPolicy=x"), deletion);
  BOOST_REQUIRE(!deleted.has_value());
  BOOST_TEST(deleted.error().message ==
             "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
             "\"x\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
}

BOOST_AUTO_TEST_CASE(types_of_bodies_have_no_case) {
  BOOST_CHECK(gateway::body_format("application/JSON; charset=utf-8").has_value());
  BOOST_CHECK(!gateway::body_format("text/json").has_value());
}

BOOST_AUTO_TEST_CASE(the_form_most_wished_for_is_taken) {
  auto form = [](const char* accept) { return gateway::choose_media(accept, false, true)->as; };
  BOOST_CHECK(form("application/json;q=0.1,application/yaml;q=0.9") == gateway::format::yaml);
  BOOST_CHECK(form("application/yaml;q=0.5,application/json") == gateway::format::json);
  BOOST_CHECK(form("*/*,application/yaml") == gateway::format::yaml);
  BOOST_CHECK(form("text/html,application/yaml,application/json") == gateway::format::yaml);
}

BOOST_AUTO_TEST_CASE(events_of_their_own_group_are_selected_by_the_fields_of_that_group) {
  // They were accepted, but nothing ever matched.
  auto name = [](std::string_view path) {
    return gateway::selectable(events(), path).value_or("");
  };
  BOOST_TEST(name("regarding.kind") == "involvedObject.kind");
  BOOST_TEST(name("reportingController") == "reportingComponent");
  BOOST_TEST(name("metadata.name") == "metadata.name");
  BOOST_TEST(name("involvedObject.kind") == "");
  BOOST_TEST(name("regarding.color") == "");
  auto options = gateway::read_list_options(
      events(), *http::query::parse("fieldSelector=regarding.kind%3DPod"));
  BOOST_REQUIRE(options.has_value());
  BOOST_TEST(options->wanted.fields[0].path == "involvedObject.kind");
}

BOOST_AUTO_TEST_SUITE_END()
