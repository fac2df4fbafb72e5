// Objects in which everything is set: what a test of every kind begins with.
#pragma once

#include "messages/schema/kind.hpp"
#include "messages/schema/type.hpp"

#include <boost/test/unit_test.hpp>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

namespace troupe::test {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

inline constexpr int depth_max = 7; // schemas contain schemas

inline void fill(Message& m, int depth);

inline void fill_special(Message& m, schema::form what) {
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

inline void fill_field(Message& m, const FieldDescriptor* f, int depth) {
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

inline void fill(Message& m, int depth) {
  auto d = m.GetDescriptor();
  auto& shape = schema::of(d);
  if (!d->options().map_entry() && shape.what != schema::form::object &&
      shape.what != schema::form::wrapped_list)
    return fill_special(m, shape.what);
  for (int i = 0; i < d->field_count(); ++i) fill_field(m, d->field(i), depth);
}

} // namespace troupe::test
