// What the OpenAPI documents say of paths: generators of clients and kubectl go by it.
#include "messages/codec/openapi.hpp"

#include "messages/api/apiextensions.pb.h"
#include "messages/base/json.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/schema/custom.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(openapi_test)

using namespace troupe;

namespace {

json::value v3(const char* path) {
  return *json::parse(*codec::openapi_v3(*schema::registry::built_in(), path));
}

const json::value& at(const json::value& tree, std::initializer_list<std::string_view> path) {
  auto found = &tree;
  for (auto step : path) {
    auto next = found->is_object() ? found->get_object().if_contains(step) : nullptr;
    BOOST_REQUIRE_MESSAGE(next, step);
    found = next;
  }
  return *found;
}

std::string keys(const json::value& v) {
  std::string out;
  for (auto& [key, member] : v.get_object())
    out.append(out.empty() ? "" : " ").append(std::string_view(key));
  return out;
}

std::string text(const json::value& v) { return std::string(v.get_string()); }

constexpr const char* pod = "/api/v1/namespaces/{namespace}/pods/{name}";
constexpr const char* config = "/api/v1/namespaces/{namespace}/configmaps/{name}";
std::string in_meta(std::string_view name) {
  std::string out("#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.");
  out.append(name);
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(deletions_take_options_and_answer_a_status_or_the_object) {
  auto core = v3("api/v1");
  auto remove = at(core, {"paths", config, "delete"});
  BOOST_TEST(text(at(remove, {"requestBody", "content", "*/*", "schema", "$ref"})) ==
             in_meta("DeleteOptions"));
  BOOST_TEST(keys(at(remove, {"responses"})) == "200 202 401");
  auto answer = [](const json::value& of, const char* code) {
    return text(at(of, {"responses", code, "content", "application/json", "schema", "$ref"}));
  };
  BOOST_TEST(answer(remove, "200") == in_meta("Status"));
  BOOST_TEST(answer(at(core, {"paths", pod, "delete"}), "202") ==
             "#/components/schemas/io.k8s.api.core.v1.Pod");
  auto all = at(core, {"paths", "/api/v1/namespaces/{namespace}/pods", "delete"});
  BOOST_TEST(answer(all, "200") == in_meta("Status"));
  BOOST_TEST(text(at(all, {"operationId"})) == "deleteCoreV1CollectionNamespacedPod");
}

BOOST_AUTO_TEST_CASE(patches_come_in_four_forms) {
  auto patch = at(v3("api/v1"), {"paths", pod, "patch"});
  BOOST_TEST(keys(at(patch, {"requestBody", "content"})) ==
             "application/json-patch+json application/merge-patch+json "
             "application/strategic-merge-patch+json application/apply-patch+yaml");
  BOOST_TEST(text(at(patch, {"requestBody", "content", "application/apply-patch+yaml", "schema",
                             "$ref"})) == in_meta("Patch"));
  BOOST_TEST(keys(at(patch, {"responses"})) == "200 201 401");
}

BOOST_AUTO_TEST_CASE(operations_are_called_as_in_kubernetes) {
  auto core = v3("api/v1"), rights = v3("apis/rbac.authorization.k8s.io/v1");
  auto id = [](const json::value& tree, const std::string& path, const char* method) {
    return text(at(tree, {"paths", path, method, "operationId"}));
  };
  BOOST_TEST(id(core, pod, "get") == "readCoreV1NamespacedPod");
  BOOST_TEST(id(core, "/api/v1/pods", "get") == "listCoreV1PodForAllNamespaces");
  BOOST_TEST(id(core, "/api/v1/namespaces/{namespace}/pods/{name}/status", "put") ==
             "replaceCoreV1NamespacedPodStatus");
  BOOST_TEST(id(core, "/api/v1/namespaces/{namespace}/pods/{name}/exec", "post") ==
             "connectCoreV1PostNamespacedPodExec");
  BOOST_TEST(id(core, "/api/v1/watch/namespaces/{namespace}/pods", "get") ==
             "watchCoreV1NamespacedPodList");
  BOOST_TEST(id(core, "/api/v1/watch/pods", "get") == "watchCoreV1PodListForAllNamespaces");
  BOOST_TEST(id(rights, "/apis/rbac.authorization.k8s.io/v1/clusterroles", "post") ==
             "createRbacAuthorizationV1ClusterRole");
  BOOST_TEST(text(at(rights, {"paths", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "post",
                              "description"})) == "create a ClusterRole");
}

BOOST_AUTO_TEST_CASE(custom_schemas_are_told_as_they_are) {
  k8s::apiextensions::v1::CustomResourceDefinition d;
  auto done = codec::from_json(
      R"({"spec":{"group":"g.example.com","scope":"Namespaced","names":{"plural":"ws","kind":"W"},
      "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":
      {"type":"object","properties":{
        "size":{"type":"integer","minimum":1,"default":3},
        "word":{"type":"string","enum":["a","b"],"nullable":true,"pattern":"^."},
        "port":{"x-kubernetes-int-or-string":true},
        "free":{"x-kubernetes-preserve-unknown-fields":true}}}}}]}})",
      d);
  BOOST_REQUIRE(done.has_value());
  auto kinds = schema::registry::with(schema::custom_kinds(d));
  auto tree = *json::parse(*codec::openapi_v3(*kinds, "apis/g.example.com/v1"));
  auto shown = [&](const char* property) {
    return json::write(
        at(tree, {"components", "schemas", "com.example.g.v1.W", "properties", property}));
  };
  BOOST_TEST(shown("size") == R"({"type":"integer","minimum":1,"default":3})");
  BOOST_TEST(shown("word") ==
             R"({"type":"string","pattern":"^.","enum":["a","b"],"nullable":true})");
  BOOST_TEST(shown("port") == R"({"x-kubernetes-int-or-string":true})");
  BOOST_TEST(shown("free") == R"({"x-kubernetes-preserve-unknown-fields":true})");
  auto patch = at(tree, {"paths", "/apis/g.example.com/v1/namespaces/{namespace}/ws/{name}",
                         "patch", "requestBody", "content"});
  BOOST_TEST(!patch.get_object().contains("application/strategic-merge-patch+json"));
}

BOOST_AUTO_TEST_CASE(the_old_document_says_the_same) {
  auto tree = *json::parse(codec::openapi_v2_json(*schema::registry::built_in()));
  auto patch = at(tree, {"paths", pod, "patch"});
  BOOST_TEST(at(patch, {"consumes"}).get_array().size() == 4u);
  auto remove = at(tree, {"paths", config, "delete"});
  BOOST_TEST(text(at(remove, {"responses", "200", "schema", "$ref"})) ==
             "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Status");
  BOOST_TEST(!codec::openapi_v2_protobuf(*schema::registry::built_in()).empty());
}

BOOST_AUTO_TEST_SUITE_END()
