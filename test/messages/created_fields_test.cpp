// The fields of new objects, written at once, are those that comparing trees finds.
#include "messages/patch/created_fields.hpp"
#include "messages/patch/managed_fields.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/manifest.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/schema/defaults.hpp"
#include "test/support/filled.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;

namespace {

std::string json_of(const schema::kind& kind, const google::protobuf::Message& object) {
  std::string text;
  codec::wire_to_json(*kind.shape, codec::to_wire(object), {}, text);
  return text;
}

void check(const schema::kind& kind, const google::protobuf::Message& object) {
  std::unique_ptr<google::protobuf::Message> none(object.New());
  auto empty = json::parse(json_of(kind, *none));
  auto text = json_of(kind, object);
  auto now = json::parse(text);
  BOOST_REQUIRE(empty && now);
  auto wanted = patch::write_fields(
      patch::without_identity(patch::changed_fields(*empty, *now, *kind.shape)));
  BOOST_TEST_CONTEXT(kind.name)
  BOOST_TEST(patch::created_fields(codec::to_wire(object), *kind.shape) == wanted);
}

} // namespace

BOOST_AUTO_TEST_SUITE(created_fields_test)

BOOST_AUTO_TEST_CASE(of_every_kind_with_everything_set) {
  for (auto& kind : schema::registry::built_in()->all()) {
    std::unique_ptr<google::protobuf::Message> object(
        google::protobuf::MessageFactory::generated_factory()
            ->GetPrototype(kind.shape->message)
            ->New());
    check(kind, *object);
    schema::set_defaults(*object);
    check(kind, *object);
    object->Clear();
    test::fill(*object, 0);
    check(kind, *object);
  }
}

BOOST_AUTO_TEST_CASE(of_a_pod_as_people_write_it) {
  auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
  std::string wire;
  auto read = codec::json_to_wire(
      *kind.shape,
      R"({"metadata":{"name":"web","labels":{"app":"web","x/y":"z"},"annotations":{}},"spec":{
          "containers":[{"name":"b","image":"i","ports":[{"containerPort":80}],"args":["x","y"],
          "env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]},
          {"name":"a","image":"i","resources":{"limits":{"cpu":"1"}}}],
          "tolerations":[{"key":"k"}],"nodeSelector":{"a":"b"}}})",
      wire);
  BOOST_REQUIRE(read);
  std::unique_ptr<google::protobuf::Message> object(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(kind.shape->message)
          ->New());
  BOOST_REQUIRE(object->ParsePartialFromString(wire));
  check(kind, *object);
  schema::set_defaults(*object);
  check(kind, *object);
}

BOOST_AUTO_TEST_SUITE_END()
