// Keeping the books of fields on what differs finds the same as on the whole objects.
#include "messages/patch/differing.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/patch/field_set.hpp"
#include "messages/schema/kind.hpp"
#include "test/support/filled.hpp"

#include <boost/test/unit_test.hpp>
#include <google/protobuf/message.h>

#include <random>

using namespace troupe;
using google::protobuf::Message;

namespace {

json::value tree_of(const schema::kind& kind, std::string_view wire) {
  std::string text;
  BOOST_REQUIRE(codec::wire_to_json(*kind.shape, wire, {}, text));
  return *json::parse(text);
}

/// Clears a field somewhere in the object, or several.
void clear_some(Message& m, std::mt19937& chance, int depth = 0) {
  auto reflection = m.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  reflection->ListFields(m, &set);
  for (auto field : set) {
    if (chance() % 6 == 0)
      reflection->ClearField(&m, field);
    else if (field->message_type() && !field->is_repeated() && depth < 6)
      clear_some(*reflection->MutableMessage(&m, field), chance, depth + 1);
    else if (field->message_type() && field->is_repeated() && !field->is_map() && depth < 6)
      clear_some(*reflection->MutableRepeatedMessage(&m, field, 0), chance, depth + 1);
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(differing_test)

BOOST_AUTO_TEST_CASE(the_fields_that_change_are_the_same) {
  std::random_device device;
  auto seed = device();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 chance(seed);
  for (auto& kind : schema::registry::built_in()->all()) {
    std::unique_ptr<Message> whole(google::protobuf::MessageFactory::generated_factory()
                                       ->GetPrototype(kind.shape->message)
                                       ->New());
    test::fill(*whole, 0);
    for (int round = 0; round < 8; ++round) {
      std::unique_ptr<Message> a(whole->New()), b(whole->New());
      a->CopyFrom(*whole);
      b->CopyFrom(*whole);
      if (round % 2) clear_some(*a, chance);
      clear_some(*b, chance);
      auto before = codec::to_wire(*a), after = codec::to_wire(*b);
      auto less = patch::differing(*whole->GetDescriptor(), before, after);
      auto old = tree_of(kind, before), now = tree_of(kind, after);
      auto less_old = tree_of(kind, less.before), less_now = tree_of(kind, less.after);
      auto text = [](const patch::field_set& set) { return patch::write_fields(set); };
      BOOST_TEST(text(patch::changed_fields(less_old, less_now, *kind.shape)) ==
                     text(patch::changed_fields(old, now, *kind.shape)),
                 kind.name << ", seed " << seed);
      BOOST_TEST(text(patch::removed_fields(less_old, less_now, *kind.shape)) ==
                     text(patch::removed_fields(old, now, *kind.shape)),
                 kind.name << ", seed " << seed);
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_objects_have_nothing_left) {
  auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
  std::unique_ptr<Message> pod(kind.prototype->New());
  test::fill(*pod, 0);
  auto wire = codec::to_wire(*pod);
  auto less = patch::differing(*pod->GetDescriptor(), wire, wire);
  BOOST_TEST(less.before == "");
  BOOST_TEST(less.after == "");
}

BOOST_AUTO_TEST_SUITE_END()
