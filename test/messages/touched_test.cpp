// Patching only what a patch touches comes to the same as patching the whole object.
#include "messages/patch/touched.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/patch/json_patch.hpp"
#include "messages/patch/strategic.hpp"
#include "messages/schema/kind.hpp"
#include "test/support/filled.hpp"

#include <boost/test/unit_test.hpp>
#include <google/protobuf/message.h>

#include <random>

using namespace troupe;
using google::protobuf::Message;

namespace {

/// A merge patch that makes some of `from` other than it is: gone, or copied from its neighbour's
/// place.
json::value some_patch(const json::value& from, std::mt19937& chance, int depth = 0) {
  json::object out;
  for (auto& [key, value] : from.get_object()) {
    switch (chance() % 8) {
    case 0: out[key] = nullptr; break;
    case 1: out[key] = value; break;
    case 2:
    case 3:
      if (value.is_object() && depth < 5) out[key] = some_patch(value, chance, depth + 1);
    }
  }
  return out;
}

std::unique_ptr<Message> read(const schema::kind& kind, const json::value& tree) {
  std::unique_ptr<Message> out(google::protobuf::MessageFactory::generated_factory()
                                   ->GetPrototype(kind.shape->message)
                                   ->New());
  return codec::from_json(json::write(tree), *out) ? std::move(out) : nullptr;
}

bool apply(bool strategic, json::value& tree, const json::value& patch, const schema::kind& kind) {
  if (strategic) return patch::apply_strategic_patch(tree, patch, *kind.shape).has_value();
  patch::apply_merge_patch(tree, patch);
  return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(touched_test)

BOOST_AUTO_TEST_CASE(the_parts_make_the_whole_of_every_kind) {
  auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 chance(seed);
  for (auto& kind : schema::registry::built_in()->all()) {
    std::unique_ptr<Message> object(google::protobuf::MessageFactory::generated_factory()
                                        ->GetPrototype(kind.shape->message)
                                        ->New());
    test::fill(*object, 0);
    codec::head head{"v1", kind.name, {}};
    std::string text;
    BOOST_REQUIRE(codec::wire_to_json(*kind.shape, codec::to_wire(*object), head, text));
    auto whole = *json::parse(text);
    object = read(kind, whole); // without what JSON does not tell
    BOOST_REQUIRE(object);
    auto bytes = codec::to_wire(*object);
    for (int round = 0; round < 24; ++round) {
      auto patch = some_patch(whole, chance);
      bool strategic = round % 2;
      auto tree = whole;
      if (!apply(strategic, tree, patch, kind)) continue;
      auto wanted = read(kind, tree);
      auto parts = patch::split_by_patch(*kind.shape, bytes, patch);
      std::string part;
      BOOST_REQUIRE(codec::wire_to_json(*kind.shape, parts.touched, head, part));
      auto small = *json::parse(part);
      BOOST_REQUIRE(apply(strategic, small, patch, kind));
      auto made = read(kind, small);
      BOOST_REQUIRE_EQUAL(made == nullptr, wanted == nullptr);
      if (!made) continue;
      BOOST_REQUIRE(made->MergeFromString(parts.rest));
      BOOST_TEST_CONTEXT(kind.name << ": " << json::write(patch))
      BOOST_TEST((codec::to_wire(*made) == codec::to_wire(*wanted)));
    }
  }
}

BOOST_AUTO_TEST_CASE(directives_look_at_everything) {
  auto& pod = *schema::registry::built_in()->by_resource("", "v1", "pods");
  std::string bytes;
  BOOST_REQUIRE(codec::json_to_wire(*pod.shape,
                                    R"({"metadata":{"name":"a","labels":{"x":"y"}},
                                        "spec":{"hostname":"h","subdomain":"s"}})",
                                    bytes));
  auto parts = patch::split_by_patch(*pod.shape, bytes,
                                     *json::parse(R"({"spec":{"$retainKeys":["hostname"]}})"));
  BOOST_TEST(parts.touched.find("subdomain") == std::string::npos); // names are not on the wire
  std::string touched;
  BOOST_REQUIRE(codec::wire_to_json(*pod.shape, parts.touched, {}, touched));
  BOOST_TEST(touched.find("\"subdomain\":\"s\"") != std::string::npos);
  BOOST_TEST(touched.find("\"name\"") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
