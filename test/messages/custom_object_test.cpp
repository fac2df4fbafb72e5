// What schemas of custom kinds refuse, and what they let stand since it was there before.
#include "messages/schema/custom_object.hpp"

#include "messages/api/apiextensions.pb.h"
#include "messages/codec/json_decode.hpp"
#include "messages/schema/custom.hpp"
#include "messages/schema/text_format.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(custom_object_test)

using namespace troupe;

namespace {

/// The one kind of a definition with that schema.
schema::kind kind_with(std::string_view properties) {
  k8s::apiextensions::v1::CustomResourceDefinition d;
  auto text = R"({"spec":{"group":"g.example.com","names":{"plural":"ws","kind":"W"},"versions":[
      {"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":
      {"type":"object","properties":)" +
              std::string(properties) + "}}}]}}";
  BOOST_REQUIRE(codec::from_json(text, d).has_value());
  return schema::custom_kinds(d).front();
}

json::object tree(std::string_view text) { return json::parse(text)->get_object(); }

std::string faults(const schema::kind& kind, std::string_view now, std::string_view old = {}) {
  auto before = tree(old.empty() ? "{}" : old);
  std::string out;
  for (auto& c : schema::validate_custom(tree(now), *kind.shape, old.empty() ? nullptr : &before))
    out.append(out.empty() ? "" : " ").append(c.field);
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_stays_as_it_was_may_be_wrong) {
  auto kind = kind_with(R"({"spec":{"type":"object","required":["need"],"properties":{
      "need":{"type":"string"},
      "size":{"type":"integer","maximum":5},
      "parts":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
        "items":{"type":"object","required":["name"],"properties":{
          "name":{"type":"string"},"count":{"type":"integer","maximum":2}}}},
      "words":{"type":"array","items":{"type":"string","maxLength":2}}}}})");
  auto old = R"({"spec":{"size":9,"parts":[{"name":"a","count":7}],"words":["long"]}})";
  BOOST_TEST(faults(kind, old) == "spec.need spec.size spec.parts[0].count spec.words[0]");
  BOOST_TEST(faults(kind, old, old) == "");
  // Another value, or another member of an object that lacks something, is judged.
  BOOST_TEST(faults(kind, R"({"spec":{"need":"x","size":9}})", old) == "");
  BOOST_TEST(faults(kind, R"({"spec":{"need":"x","size":8}})", old) == "spec.size");
  BOOST_TEST(faults(kind, R"({"spec":{"size":9}})", old) == "spec.need");
  // Members of maps are found again wherever they stand, those of other lists are not.
  BOOST_TEST(faults(kind, R"({"spec":{"need":"x","parts":[{"name":"b"},{"name":"a","count":7}]}})",
                    old) == "");
  BOOST_TEST(faults(kind, R"({"spec":{"need":"x","parts":[{"name":"b","count":7}]}})", old) ==
             "spec.parts[0].count");
  BOOST_TEST(faults(kind, R"({"spec":{"need":"x","words":["long","a"]}})", old) == "spec.words[0]");
}

BOOST_AUTO_TEST_CASE(a_schema_may_narrow_the_name) {
  auto kind = kind_with(R"({"metadata":{"type":"object","properties":{
      "name":{"type":"string","maxLength":3}}}})");
  BOOST_TEST(faults(kind, R"({"metadata":{"name":"abc"}})") == "");
  BOOST_TEST(faults(kind, R"({"metadata":{"name":"abcd"}})") == "metadata.name");
  auto object = tree(R"({"metadata":{"name":"a","labels":{}},"other":1})");
  BOOST_TEST(schema::prune(object, *kind.shape).size() == 1u);
}

BOOST_AUTO_TEST_CASE(texts_have_the_formats_of_kubernetes) {
  struct row {
    const char *format, *good, *bad;
  };
  for (auto& r : std::initializer_list<row>{
           {"bsonobjectid", "507f1f77bcf86cd799439011", "507f1f77"},
           {"byte", "aGk=", "a?"},
           {"cidr", "10.0.0.0/8", "10.0.0.0"},
           {"creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"},
           {"date", "2020-01-31", "2020-1-31"},
           {"date-time", "2020-01-31T10:00:00Z", "2020-01-31"},
           {"duration", "1h5m", "soon"},
           {"email", "a@example.com", "a"},
           {"hexcolor", "#a1b2c3", "#a1b2"},
           {"hostname", "a.example.com", "-a"},
           {"ipv4", "10.1.2.3", "10.1.2.300"},
           {"ipv6", "fe80::1", "10.1.2.3"},
           {"isbn", "978-3-16-148410-0", "978-3-16-148410-1"},
           {"isbn10", "0-306-40615-2", "0-306-40615-3"},
           {"isbn13", "9783161484100", "0306406152"},
           {"k8s-long-name", "a.b", "A"},
           {"k8s-short-name", "a", "a.b"},
           {"mac", "00:1a:2b:3c:4d:5e", "00:1a:2b"},
           {"rgbcolor", "rgb(1, 22, 255)", "rgb(1, 22, 256)"},
           {"ssn", "111-22-3333", "111-22-333"},
           {"uri", "https://example.com/a?b", "a b"},
           {"uuid", "7a2e1f3c-0000-1000-8000-00805f9b34fb", "7a2e1f3c"},
           {"uuid3", "7a2e1f3c-0000-3000-8000-00805f9b34fb",
            "7a2e1f3c-0000-4000-8000-00805f9b34fb"},
           {"uuid4", "7a2e1f3c-0000-4000-8000-00805f9b34fb",
            "7a2e1f3c-0000-4000-7000-00805f9b34fb"},
           {"uuid5", "7a2e1f3c-0000-5000-8000-00805f9b34fb",
            "7a2e1f3c-0000-4000-8000-00805f9b34fb"},
       }) {
    BOOST_TEST(schema::fits_format(r.format, r.good), r.format);
    BOOST_TEST(!schema::fits_format(r.format, r.bad), r.format);
  }
  BOOST_TEST(schema::fits_format("of my own", "anything"));
}

BOOST_AUTO_TEST_SUITE_END()
