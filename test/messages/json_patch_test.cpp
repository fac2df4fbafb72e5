#include "messages/patch/json_patch.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

BOOST_AUTO_TEST_SUITE(json_patch_test)

using namespace troupe;

namespace {

result<std::string> patched(std::string_view document, std::string_view operations) {
  auto tree = *json::parse(document);
  auto done = patch::apply_json_patch(tree, *json::parse(operations));
  if (!done) return done.error();
  return json::write(tree);
}

} // namespace

BOOST_AUTO_TEST_CASE(every_operation_does_what_its_rfc_says) {
  struct row {
    const char *document, *operations, *after;
  };
  for (auto& r : {
           row{R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
           row{R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
           row{R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
           row{R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/-1"}])", R"({"a":[1]})"},
           row{R"({"a":[1,2]})", R"([{"op":"replace","path":"/a/-2","value":3}])",
               R"({"a":[3,2]})"},
           row{R"({"a":1})", R"([{"op":"add","path":"/b"}])", R"({"a":1,"b":null})"},
           row{R"({"a":1})", R"([{"op":"replace","path":"/a","value":[]}])", R"({"a":[]})"},
           row{R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
           row{R"({"a":1})", R"([{"op":"move","from":"/a","path":"/b"}])", R"({"b":1})"},
           row{R"({"a":[1]})", R"([{"op":"copy","from":"/a","path":"/b"}])",
               R"({"a":[1],"b":[1]})"},
           row{R"({"x/y":{"~":1}})", R"([{"op":"replace","path":"/x~1y/~0","value":2}])",
               R"({"x/y":{"~":2}})"},
           row{R"({"a":{"b":1}})", R"([{"op":"test","path":"/a/b","value":1}])",
               R"({"a":{"b":1}})"},
       }) {
    auto after = patched(r.document, r.operations);
    BOOST_REQUIRE_MESSAGE(after.has_value(), after.error().message);
    BOOST_TEST(*after == r.after);
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_apply_is_invalid) {
  for (auto operations :
       {R"([{"op":"remove","path":"/no"}])", R"([{"op":"replace","path":"/no/no","value":1}])",
        R"([{"op":"test","path":"/a","value":2}])", R"([{"op":"add","path":"/l/9","value":1}])",
        R"([{"op":"bump","path":"/a"}])", R"([{"op":"move","from":"/a","path":"/a/b"}])"}) {
    auto after = patched(R"({"a":1,"l":[]})", operations);
    BOOST_REQUIRE(!after);
    BOOST_CHECK(after.error().code == errc::invalid);
  }
}

BOOST_AUTO_TEST_CASE(too_many_operations_are_refused_at_once) {
  json::array operations;
  for (int i = 0; i < 10'001; ++i)
    operations.push_back(json::object{{"op", "test"}, {"path", ""}, {"value", nullptr}});
  json::value document = json::object{};
  auto done = patch::apply_json_patch(document, operations);
  BOOST_REQUIRE(!done);
  BOOST_CHECK(done.error().code == errc::too_large);
}

BOOST_AUTO_TEST_CASE(copies_that_double_a_node_end_at_three_megabytes) {
  json::array operations;
  for (int i = 0; i < 20; ++i)
    operations.push_back(
        json::object{{"op", "copy"}, {"from", "/a"}, {"path", "/a/x" + std::to_string(i)}});
  json::value document = json::object{{"a", json::object{{"v", std::string(1024, 'x')}}}};
  auto start = std::chrono::steady_clock::now();
  auto done = patch::apply_json_patch(document, operations);
  BOOST_REQUIRE(!done);
  BOOST_CHECK(done.error().code == errc::too_large);
  BOOST_TEST((std::chrono::steady_clock::now() - start < std::chrono::milliseconds(500)));
}

BOOST_AUTO_TEST_CASE(a_merge_patch_removes_by_null_and_replaces_lists) {
  auto document = *json::parse(R"({"a":{"b":1,"c":[1,2]},"d":"x"})");
  patch::apply_merge_patch(document,
                           *json::parse(R"({"a":{"b":null,"c":[3]},"d":{"e":null,"f":1}})"));
  BOOST_TEST(json::write(document) == R"({"a":{"c":[3]},"d":{"f":1}})");
}

BOOST_AUTO_TEST_SUITE_END()
