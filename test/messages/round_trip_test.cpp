// Every kind of the registry, with every field of it filled in, through JSON, YAML and protobuf and
// back.
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/normalize.hpp"
#include "messages/codec/yaml.hpp"
#include "messages/schema/kind.hpp"

#include <boost/test/unit_test.hpp>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

BOOST_AUTO_TEST_SUITE(round_trip_test)

using namespace troupe;

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int depth_max = 7; // schemas contain schemas

void fill(Message& m, int depth);

void fill_special(Message& m, schema::form what) {
  auto r = m.GetReflection();
  auto field = [&](int number) { return m.GetDescriptor()->FindFieldByNumber(number); };
  switch (what) {
  case schema::form::quantity: r->SetString(&m, field(1), "250m"); break;
  case schema::form::int_or_string:
    r->SetInt64(&m, field(1), 1);
    r->SetInt32(&m, field(2), 0);
    r->SetString(&m, field(3), "25%");
    break;
  case schema::form::time:
  case schema::form::micro_time:
    r->SetInt64(&m, field(1), 1700000000);
    r->SetInt32(&m, field(2), what == schema::form::time ? 0 : 123000);
    break;
  case schema::form::duration: r->SetInt64(&m, field(1), 90'000'000'000); break;
  case schema::form::raw: r->SetString(&m, field(1), R"({"a":[1,"x",null,1.5]})"); break;
  case schema::form::schema_or_bool: r->SetBool(&m, field(1), true); break;
  case schema::form::schema_or_strings: r->AddString(&m, field(2), "x"); break;
  case schema::form::schema_or_array: r->AddMessage(&m, field(2)); break;
  default: break;
  }
}

void fill_field(Message& m, const FieldDescriptor* f, int depth) {
  auto r = m.GetReflection();
  bool many = f->is_repeated();
  auto text = f->name() + "-value";
  switch (f->cpp_type()) {
  case FieldDescriptor::CPPTYPE_STRING:
    many ? r->AddString(&m, f, text) : r->SetString(&m, f, text);
    break;
  case FieldDescriptor::CPPTYPE_BOOL:
    many ? r->AddBool(&m, f, true) : r->SetBool(&m, f, true);
    break;
  case FieldDescriptor::CPPTYPE_INT32:
    many ? r->AddInt32(&m, f, -7) : r->SetInt32(&m, f, -7);
    break;
  case FieldDescriptor::CPPTYPE_INT64:
    many ? r->AddInt64(&m, f, int64_t{1} << 53) : r->SetInt64(&m, f, int64_t{1} << 53);
    break;
  case FieldDescriptor::CPPTYPE_DOUBLE:
    many ? r->AddDouble(&m, f, 1.25) : r->SetDouble(&m, f, 1.25);
    break;
  case FieldDescriptor::CPPTYPE_MESSAGE:
    if (depth < depth_max)
      fill(many ? *r->AddMessage(&m, f) : *r->MutableMessage(&m, f), depth + 1);
    break;
  default: BOOST_ERROR("no value for " << f->full_name());
  }
}

void fill(Message& m, int depth) {
  auto d = m.GetDescriptor();
  auto& shape = schema::of(d);
  if (!d->options().map_entry() && shape.what != schema::form::object &&
      shape.what != schema::form::wrapped_list)
    return fill_special(m, shape.what);
  for (int i = 0; i < d->field_count(); ++i) fill_field(m, d->field(i), depth);
}

} // namespace

BOOST_AUTO_TEST_CASE(every_kind_survives_every_form) {
  for (auto& kind : schema::registry::built_in()->all()) {
    BOOST_TEST_CONTEXT(kind.api_version() << " " << kind.name) {
      std::unique_ptr<Message> object(kind.prototype->New()), again(kind.prototype->New());
      fill(*object, 0);
      // What JSON cannot tell from its absence is not there after the first trip; from then on
      // nothing changes.
      auto version = kind.api_version();
      auto json = codec::to_json(*object, {version, kind.name, {}});
      auto read = codec::from_json(json, *again);
      BOOST_REQUIRE_MESSAGE(read.has_value(), read.error().message);
      BOOST_TEST(read->kind == kind.name);
      for (auto& p : read->problems) BOOST_ERROR(p.message());
      auto wire = codec::to_wire(*again);
      BOOST_TEST(
          (*json::parse(codec::to_json(*again, {version, kind.name, {}})) == *json::parse(json)));

      auto yaml = yaml::from_json(json);
      BOOST_REQUIRE(yaml.has_value());
      auto documents = yaml::to_json(*yaml);
      BOOST_REQUIRE_MESSAGE(documents.has_value(), documents.error().message);
      BOOST_REQUIRE(documents->size() == 1u);
      BOOST_TEST((*json::parse(documents->front().json) == *json::parse(json)));

      auto envelope = codec::seal_envelope(version, kind.name, wire);
      auto opened = codec::open_envelope(envelope);
      BOOST_REQUIRE(opened.has_value());
      std::string normal;
      BOOST_REQUIRE(codec::normalize(*kind.shape, opened->raw, normal).has_value());
      BOOST_TEST((normal == wire));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
