#include "actors/gateway/media.hpp"
#include "actors/gateway/page.hpp"
#include "actors/gateway/route.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(gateway_route_test)

using namespace troupe;

namespace {

gateway::route read(const std::string& line) {
  auto request = http::request::parse(line + " HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(request.has_value());
  auto route = gateway::read_route(*request, *request->query());
  BOOST_REQUIRE(route.has_value());
  return *route;
}

} // namespace

BOOST_AUTO_TEST_CASE(request_lines_become_verbs_and_names) {
  struct row {
    const char *line, *verb, *group, *ns, *plural, *name, *sub;
  };
  for (auto& r :
       {row{"GET /api/v1/pods", "list", "", "", "pods", "", ""},
        row{"GET /api/v1/namespaces/a/pods", "list", "", "a", "pods", "", ""},
        row{"GET /api/v1/namespaces/a/pods?watch=true", "watch", "", "a", "pods", "", ""},
        row{"GET /api/v1/watch/namespaces/a/pods", "watch", "", "a", "pods", "", ""},
        row{"GET /api/v1/namespaces/a/pods/p", "get", "", "a", "pods", "p", ""},
        row{"GET /api/v1/namespaces/a/pods/p/log", "get", "", "a", "pods", "p", "log"},
        row{"PUT /apis/apps/v1/namespaces/a/deployments/d/scale", "update", "apps", "a",
            "deployments", "d", "scale"},
        row{"DELETE /apis/apps/v1/namespaces/a/deployments", "deletecollection", "apps", "a",
            "deployments", "", ""},
        row{"GET /api/v1/namespaces/a", "get", "", "a", "namespaces", "a", ""},
        row{"PUT /api/v1/namespaces/a/finalize", "update", "", "a", "namespaces", "a", "finalize"},
        row{"PATCH /api/v1/nodes/n/status", "patch", "", "", "nodes", "n", "status"}}) {
    auto at = read(r.line);
    BOOST_TEST(at.resource);
    BOOST_TEST(at.verb == r.verb, r.line);
    BOOST_TEST(at.group == r.group);
    BOOST_TEST(at.ns == r.ns, r.line);
    BOOST_TEST(at.plural == r.plural);
    BOOST_TEST(at.name == r.name);
    BOOST_TEST(at.subresource == r.sub);
  }
  BOOST_TEST(!read("GET /healthz").resource);
  BOOST_TEST(!read("GET /apis/apps/v1").resource);
}

BOOST_AUTO_TEST_CASE(the_first_accepted_form_wins) {
  auto table = gateway::choose_media(
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", false, true);
  BOOST_REQUIRE(table.has_value());
  BOOST_CHECK(table->what == gateway::shape::table);
  auto protobuf =
      gateway::choose_media("application/vnd.kubernetes.protobuf, application/json", false, true);
  BOOST_CHECK(protobuf->as == gateway::format::protobuf);
  auto custom =
      gateway::choose_media("application/vnd.kubernetes.protobuf, application/json", true, true);
  BOOST_CHECK(custom->as == gateway::format::json);
  BOOST_CHECK(gateway::choose_media("text/html", false, true).error().code == errc::not_acceptable);
}

BOOST_AUTO_TEST_CASE(a_forged_page_token_never_leaves_its_prefix) {
  auto token = gateway::write_page_token({7, "default/web"});
  auto read = gateway::read_page_token(token);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->revision == 7u);
  BOOST_TEST(read->after == "default/web");
  auto forgotten = gateway::read_page_token(gateway::write_page_token({0, "default/web"}));
  BOOST_REQUIRE(forgotten.has_value());
  BOOST_TEST(forgotten->revision == 0u);
  BOOST_TEST(forgotten->after == "default/web");
  for (auto after : {"../secrets/x", "a/b/c", "/a/b"})
    BOOST_TEST(!gateway::read_page_token(gateway::write_page_token({7, after})).has_value());
  for (auto text : {"zzz", "e30", "%%%"}) BOOST_TEST(!gateway::read_page_token(text).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
