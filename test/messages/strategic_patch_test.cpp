#include "messages/patch/strategic.hpp"

#include "messages/api/deployment.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/policy.pb.h"
#include "messages/api/service.pb.h"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(strategic_patch_test)

using namespace troupe;

namespace {

template<class Object> std::string patched(std::string_view document, std::string_view change) {
  auto tree = *json::parse(document);
  auto done = patch::apply_strategic_patch(tree, *json::parse(change), schema::of<Object>());
  return done ? json::write(tree) : done.error().message;
}

using k8s::core::v1::Pod;
using k8s::core::v1::Service;

} // namespace

BOOST_AUTO_TEST_CASE(objects_merge_and_null_removes) {
  BOOST_TEST(patched<Pod>(R"({"metadata":{"labels":{"a":"1","b":"2"}}})",
                          R"({"metadata":{"labels":{"a":null,"c":"3"}}})") ==
             R"({"metadata":{"labels":{"b":"2","c":"3"}}})");
}

BOOST_AUTO_TEST_CASE(elements_with_the_same_key_merge) {
  BOOST_TEST(patched<Pod>(R"({"spec":{"containers":[{"name":"a","image":"x:1"}]}})",
                          R"({"spec":{"containers":[{"name":"a","image":"x:2"}]}})") ==
             R"({"spec":{"containers":[{"name":"a","image":"x:2"}]}})");
}

BOOST_AUTO_TEST_CASE(new_elements_stand_before_others_unless_an_order_is_set) {
  constexpr auto before = R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]}})";
  BOOST_TEST(patched<Pod>(before, R"({"spec":{"containers":[{"name":"c"}]}})") ==
             R"({"spec":{"containers":[{"name":"c"},{"name":"a"},{"name":"b"}]}})");
  BOOST_TEST(
      patched<Pod>(
          before,
          R"({"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c"}]}})") ==
      R"({"spec":{"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]}})");
}

BOOST_AUTO_TEST_CASE(delete_and_replace_directives_are_carried_out) {
  constexpr auto before = R"({"spec":{"ports":[{"port":80,"name":"a"},{"port":81,"name":"b"}]}})";
  BOOST_TEST(patched<Service>(before, R"({"spec":{"ports":[{"port":80,"$patch":"delete"}]}})") ==
             R"({"spec":{"ports":[{"port":81,"name":"b"}]}})");
  BOOST_TEST(patched<Service>(before, R"({"spec":{"ports":[{"port":90},{"$patch":"replace"}]}})") ==
             R"({"spec":{"ports":[{"port":90}]}})");
  BOOST_TEST(patched<Service>(before, R"({"spec":{"$patch":"replace","type":"NodePort"}})") ==
             R"({"spec":{"type":"NodePort"}})");
}

BOOST_AUTO_TEST_CASE(retained_keys_drop_all_others) {
  BOOST_TEST(patched<k8s::apps::v1::Deployment>(
                 R"({"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}})",
                 R"({"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}})") ==
             R"({"spec":{"strategy":{"type":"Recreate"}}})");
}

BOOST_AUTO_TEST_CASE(a_budgets_selector_is_replaced_as_a_whole) {
  BOOST_TEST(patched<k8s::policy::v1::PodDisruptionBudget>(
                 R"({"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"web"}}}})",
                 R"({"spec":{"selector":{"matchLabels":{"tier":"front"}}}})") ==
             R"({"spec":{"minAvailable":1,"selector":{"matchLabels":{"tier":"front"}}}})");
}

BOOST_AUTO_TEST_CASE(lists_of_plain_values_merge_and_shrink) {
  constexpr auto before = R"({"metadata":{"finalizers":["a","b"]}})";
  BOOST_TEST(patched<Pod>(before, R"({"metadata":{"finalizers":["c"]}})") ==
             R"({"metadata":{"finalizers":["c","a","b"]}})");
  BOOST_TEST(
      patched<Pod>(before, R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}})") ==
      R"({"metadata":{"finalizers":["b"]}})");
}

BOOST_AUTO_TEST_CASE(lists_without_a_merge_strategy_are_replaced) {
  BOOST_TEST(patched<Pod>(R"({"spec":{"containers":[{"name":"a","args":["x","y"]}]}})",
                          R"({"spec":{"containers":[{"name":"a","args":["z"]}]}})") ==
             R"({"spec":{"containers":[{"name":"a","args":["z"]}]}})");
}

BOOST_AUTO_TEST_CASE(an_element_without_its_key_is_refused_by_name) {
  auto tree = *json::parse(R"({"spec":{"containers":[]}})");
  auto done = patch::apply_strategic_patch(
      tree, *json::parse(R"({"spec":{"containers":[{"image":"x"}]}})"), schema::of<Pod>());
  BOOST_REQUIRE(!done);
  BOOST_CHECK(done.error().code == errc::invalid);
  BOOST_TEST(done.error().message.find("\"name\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
