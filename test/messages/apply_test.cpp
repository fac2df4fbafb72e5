#include "messages/patch/apply.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(apply_test)

using namespace troupe;

namespace {

const schema::kind& pods() { return *schema::registry::built_in()->by_kind("v1", "Pod"); }

/// An object with its managers, to which one intent after another is applied.
struct stage {
  json::value object = json::object{};
  std::vector<patch::manager> managers;

  result<void> apply(const char* by, const char* wanted, bool force = false) {
    auto intent = *json::parse(wanted);
    auto done = patch::apply({pods(), intent, by, {}, force, {1, 0}}, object, managers);
    if (!done) return done.error();
    object = std::move(done->object);
    managers = std::move(done->managers);
    return {};
  }
  std::string text() const { return json::write(object); }
};

} // namespace

BOOST_AUTO_TEST_CASE(applying_the_same_intent_twice_changes_nothing) {
  constexpr auto intent =
      R"({"metadata":{"labels":{"a":"1"}},"spec":{"containers":[{"name":"c","image":"x","ports":[{"containerPort":80}],"args":["a"]}],"nodeSelector":{"k":"v"}}})";
  stage s;
  BOOST_REQUIRE(s.apply("one", intent));
  auto object = s.text();
  auto fields = s.managers[0].fields.text();
  BOOST_REQUIRE(s.apply("one", intent));
  BOOST_TEST(s.text() == object);
  BOOST_TEST(s.managers[0].fields.text() == fields);
}

BOOST_AUTO_TEST_CASE(another_value_for_an_owned_field_is_a_conflict_that_names_its_owner) {
  stage s;
  BOOST_REQUIRE(s.apply("one", R"({"spec":{"hostname":"a"}})"));
  auto done = s.apply("two", R"({"spec":{"hostname":"b"}})");
  BOOST_REQUIRE(!done);
  BOOST_CHECK(done.error().code == errc::conflict);
  BOOST_REQUIRE(done.error().details.causes.size() == 1u);
  BOOST_TEST(done.error().details.causes[0].field == ".spec.hostname");
  BOOST_TEST(done.error().message.find("\"one\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(force_takes_the_field_over) {
  stage s;
  BOOST_REQUIRE(s.apply("one", R"({"spec":{"hostname":"a","subdomain":"s"}})"));
  BOOST_REQUIRE(s.apply("two", R"({"spec":{"hostname":"b"}})", true));
  BOOST_TEST(s.text() == R"({"spec":{"hostname":"b","subdomain":"s"}})");
  for (auto& m : s.managers)
    BOOST_TEST(m.fields.set().has({"f:spec", "f:hostname"}) == (m.name == "two"));
}

BOOST_AUTO_TEST_CASE(the_same_value_is_shared_and_stays_until_both_let_go) {
  stage s;
  BOOST_REQUIRE(s.apply("one", R"({"spec":{"hostname":"a"}})"));
  BOOST_REQUIRE(s.apply("two", R"({"spec":{"hostname":"a"}})"));
  BOOST_REQUIRE(s.apply("one", R"({"spec":{}})"));
  BOOST_TEST(s.text().find("hostname") != std::string::npos);
  BOOST_REQUIRE(s.apply("two", R"({"spec":{}})"));
  BOOST_TEST(s.text().find("hostname") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_dropped_list_element_goes_and_those_of_others_stay) {
  stage s;
  BOOST_REQUIRE(s.apply(
      "one", R"({"spec":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]}})"));
  BOOST_REQUIRE(s.apply("two", R"({"spec":{"containers":[{"name":"c","image":"z"}]}})"));
  BOOST_REQUIRE(s.apply("one", R"({"spec":{"containers":[{"name":"b","image":"y"}]}})"));
  BOOST_TEST(s.text() ==
             R"({"spec":{"containers":[{"name":"b","image":"y"},{"name":"c","image":"z"}]}})");
}

BOOST_AUTO_TEST_CASE(atomic_lists_are_owned_as_a_whole) {
  stage s;
  BOOST_REQUIRE(s.apply("one", R"({"spec":{"containers":[{"name":"a","args":["x"]}]}})"));
  auto done = s.apply("two", R"({"spec":{"containers":[{"name":"a","args":["x","y"]}]}})");
  BOOST_REQUIRE(!done);
  BOOST_TEST(done.error().details.causes[0].field == ".spec.containers[name=\"a\"].args");
}

BOOST_AUTO_TEST_CASE(a_set_merges_by_value) {
  stage s;
  BOOST_REQUIRE(s.apply("one", R"({"metadata":{"finalizers":["x.io/a"]}})"));
  BOOST_REQUIRE(s.apply("two", R"({"metadata":{"finalizers":["x.io/b"]}})"));
  BOOST_TEST(s.text() == R"({"metadata":{"finalizers":["x.io/a","x.io/b"]}})");
}

BOOST_AUTO_TEST_CASE(one_key_twice_in_a_list_is_refused) {
  stage s;
  auto done = s.apply("one", R"({"spec":{"containers":[{"name":"a"},{"name":"a"}]}})");
  BOOST_REQUIRE(!done);
  BOOST_CHECK(done.error().code == errc::invalid);
}

BOOST_AUTO_TEST_CASE(field_sets_survive_their_written_form) {
  constexpr auto text =
      R"({"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}}}}})";
  auto set = patch::read_fields(text);
  BOOST_TEST(patch::write_fields(set) == text);
  BOOST_TEST(set.has({"f:metadata", "f:labels"}));
  BOOST_TEST(patch::subtract(set, set).empty());
  BOOST_TEST((patch::unite(set, set) == set));
  BOOST_TEST((patch::intersect(set, set) == set));
}

BOOST_AUTO_TEST_CASE(kubectl_takes_over_what_it_has_applied_without_the_servers_help) {
  constexpr auto before =
      R"({"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"spec\":{\"hostname\":\"a\"}}"}},"spec":{"hostname":"a","subdomain":"s"}})";
  stage s;
  BOOST_REQUIRE(s.apply("kubectl-client-side-apply", before));
  s.managers[0].apply = false;
  auto intent = *json::parse(R"({"spec":{"hostname":"b"}})");
  auto by = [&](const char* manager, const json::value& wanted) {
    return patch::apply_migrating({pods(), wanted, manager, {}, false, {1, 0}}, s.object,
                                  s.managers);
  };
  BOOST_TEST(!by("somebody", intent));
  auto foreign = *json::parse(R"({"spec":{"subdomain":"t"}})");
  BOOST_TEST(!by("kubectl", foreign)); // the annotation does not say it
  auto done = by("kubectl", intent);
  BOOST_REQUIRE(done);
  BOOST_TEST(json::string_at(done->object, {"spec", "hostname"}) == "b");
  BOOST_TEST(json::string_at(done->object, {"metadata", "annotations",
                                            "kubectl.kubernetes.io/last-applied-configuration"}) ==
             "{\"spec\":{\"hostname\":\"b\"}}\n");
}

BOOST_AUTO_TEST_SUITE_END()
