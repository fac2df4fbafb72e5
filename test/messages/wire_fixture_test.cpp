// Serialization fixtures of the real API: JSON to Protobuf byte for byte, and back.
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/schema/kind.hpp"
#include "test/support/golden.hpp"

#include <boost/test/unit_test.hpp>

#include <google/protobuf/dynamic_message.h>

BOOST_AUTO_TEST_SUITE(wire_fixture_test)

using namespace troupe;

namespace {

std::unique_ptr<google::protobuf::Message> make(std::string_view api_version,
                                                std::string_view kind) {
  auto d = schema::find_message(api_version, kind);
  if (!d) return nullptr;
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(d)->New());
}

template<class Check> void each_fixture(Check check) {
  auto folder = test::golden() / "wire";
  if (!std::filesystem::exists(folder)) {
    BOOST_TEST_MESSAGE("skipped: no fixtures at " << folder);
    return;
  }
  int count = 0;
  for (auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".json") continue;
    ++count;
    auto other = file.path();
    BOOST_TEST_CONTEXT(file.path().stem()) {
      check(test::read_file(file.path()), test::read_file(other.replace_extension(".pb")));
    }
  }
  BOOST_TEST(count > 0);
}

} // namespace

BOOST_AUTO_TEST_CASE(json_becomes_the_same_protobuf_bytes) {
  each_fixture([](const std::string& json, const std::string& pb) {
    auto type = codec::peek_type(json);
    BOOST_REQUIRE(type.has_value());
    auto object = make(type->api_version, type->kind);
    BOOST_REQUIRE(object);
    auto done = codec::from_json(json, *object);
    BOOST_REQUIRE_MESSAGE(done.has_value(), done.error().message);
    for (auto& p : done->problems) BOOST_ERROR(p.message());
    auto bytes = codec::seal_envelope(type->api_version, type->kind, codec::to_wire(*object));
    BOOST_TEST((bytes == pb), object->DebugString());
  });
}

BOOST_AUTO_TEST_CASE(protobuf_becomes_the_same_json) {
  each_fixture([](const std::string& json, const std::string& pb) {
    auto envelope = codec::open_envelope(pb);
    BOOST_REQUIRE(envelope.has_value());
    auto object = make(envelope->api_version, envelope->kind);
    BOOST_REQUIRE(object);
    BOOST_REQUIRE(
        object->ParseFromArray(envelope->raw.data(), static_cast<int>(envelope->raw.size())));
    auto text = codec::to_json(*object, {envelope->api_version, envelope->kind, {}});
    auto ours = json::parse(text);
    BOOST_REQUIRE_MESSAGE(ours.has_value(), text);
    // Served, claims inside a stateful set name their kind; in the fixtures they do not.
    if (envelope->kind == "StatefulSet")
      for (auto& claim : ours->as_object()["spec"].as_object()["volumeClaimTemplates"].as_array())
        claim.as_object().erase("kind"), claim.as_object().erase("apiVersion");
    BOOST_TEST((*ours == *json::parse(json)), text);
  });
}

BOOST_AUTO_TEST_SUITE_END()
