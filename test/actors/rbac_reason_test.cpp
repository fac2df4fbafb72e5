// Which binding a review of access names as its reason.
#include "actors/gateway/rbac_reason.hpp"
#include "messages/codec/json_decode.hpp"
#include "test/support/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(rbac_reason_test)

using namespace troupe;
using gateway::attributes;

namespace {

struct cluster : test::store_fixture {
  template<class Object> void put(const char* plural, const char* json) {
    Object object;
    BOOST_REQUIRE(codec::from_json(json, object).has_value());
    auto& kinds = *schema::registry::built_in();
    store_fixture::put(*kinds.by_resource("rbac.authorization.k8s.io", "v1", plural), object);
  }

  std::string why(const gateway::user& who, const attributes& wanted) const {
    auto now = store->current();
    gateway::rule_book book(now, *schema::registry::built_in());
    BOOST_TEST(book.allows(who, wanted) ==
               (who.in("system:masters") || !gateway::why_allowed(book, now, who, wanted).empty()));
    return gateway::why_allowed(book, now, who, wanted);
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(the_binding_that_grants_a_right_is_named_with_its_role_and_subject) {
  using namespace k8s::rbac::v1;
  cluster c;
  c.put<Role>("roles", R"({"metadata":{"name":"reader","namespace":"ns"},
                           "rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]})");
  c.put<ClusterRole>("clusterroles",
                     R"({"metadata":{"name":"all"},
                         "rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]})");
  c.put<RoleBinding>("rolebindings",
                     R"({"metadata":{"name":"readers","namespace":"ns"},
                         "roleRef":{"kind":"Role","name":"reader"},
                         "subjects":[{"kind":"ServiceAccount","name":"app"},
                                     {"kind":"User","name":"ada"}]})");
  c.put<ClusterRoleBinding>("clusterrolebindings",
                            R"({"metadata":{"name":"chiefs"},
                                "roleRef":{"kind":"ClusterRole","name":"all"},
                                "subjects":[{"kind":"Group","name":"chiefs"}]})");
  attributes get{.verb = "get", .plural = "pods", .ns = "ns"};
  BOOST_TEST(c.why({"ada", {}, {}, {}}, get) ==
             R"(RBAC: allowed by RoleBinding "readers/ns" of Role "reader" to User "ada")");
  BOOST_TEST(
      c.why({"system:serviceaccount:ns:app", {}, {}, {}}, get) ==
      R"(RBAC: allowed by RoleBinding "readers/ns" of Role "reader" to ServiceAccount "app/ns")");
  BOOST_TEST(
      c.why({"eve", {}, {"chiefs"}, {}}, get) ==
      R"(RBAC: allowed by ClusterRoleBinding "chiefs" of ClusterRole "all" to Group "chiefs")");
  BOOST_TEST(c.why({"ada", {}, {}, {}}, {.verb = "get", .plural = "pods", .ns = "other"}) == "");
  BOOST_TEST(c.why({"root", {}, {"system:masters"}, {}}, get) == ""); // needs no rule
}

BOOST_AUTO_TEST_SUITE_END()
