// Compiles Protobuf descriptors and their options into schema types: each message once per process,
// cycles included (a JSON schema contains JSON schemas).

#include "messages/schema/type.hpp"

#include "messages/api/options.pb.h"

#include <google/protobuf/descriptor.h>

#include <deque>
#include <mutex>
#include <set>

namespace troupe::schema {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

form form_of(k8s::Form f) {
  switch (f) {
  case k8s::QUANTITY: return form::quantity;
  case k8s::INT_OR_STRING: return form::int_or_string;
  case k8s::TIME: return form::time;
  case k8s::MICRO_TIME: return form::micro_time;
  case k8s::DURATION: return form::duration;
  case k8s::RAW: return form::raw;
  case k8s::LIST: return form::wrapped_list;
  case k8s::SCHEMA_OR_BOOL: return form::schema_or_bool;
  case k8s::SCHEMA_OR_ARRAY: return form::schema_or_array;
  case k8s::SCHEMA_OR_STRINGS: return form::schema_or_strings;
  case k8s::OBJECT: return form::object;
  }
  return form::object;
}

list_type list_of(k8s::Field::ListType t) {
  switch (t) {
  case k8s::Field::ATOMIC: return list_type::atomic;
  case k8s::Field::SET: return list_type::set;
  case k8s::Field::MAP: return list_type::map;
  case k8s::Field::UNSET: return list_type::unset;
  }
  return list_type::unset;
}

/// Objects that name their own kind and version in JSON: what is served, their lists, and the
/// bodies that go with requests.
bool has_type_meta(const Descriptor* d) {
  if (d->options().HasExtension(k8s::kind)) return true;
  auto name = std::string_view(d->name());
  auto ends = [&](std::string_view tail) {
    return name.size() >= tail.size() && name.substr(name.size() - tail.size()) == tail;
  };
  static const std::set<std::string_view> others{
      "Status",          "APIGroup",        "APIVersions",
      "Scale",           "Eviction",        "PartialObjectMetadata",
      "AdmissionReview", "RangeAllocation", "SerializedReference",
      "PodStatusResult", "TokenRequest",    "Custom",
      "TypeMeta",        "NodeMetrics",     "PodMetrics",
      "MetricValue",     "Policy"};
  if (ends("List"))
    return d->FindFieldByName("items") || name == "APIGroupList" || name == "APIResourceList";
  if (ends("Options")) return name != "WindowsSecurityContextOptions" && name != "SELinuxOptions";
  if (name == "Event") return true;
  return others.contains(name);
}

class compiler {
public:
  const type& message(const Descriptor* d) {
    std::lock_guard hold(mutex_);
    auto& compiled = get(d);
    // Sealed only when the whole connected part is complete: inlined messages must be known.
    for (auto* t : fresh_) t->seal();
    fresh_.clear();
    return compiled;
  }

private:
  type& make(form what) {
    auto& t = types_.emplace_back();
    t.what = what;
    return t;
  }

  const type& scalar(form what) {
    auto& t = scalars_[static_cast<size_t>(what)];
    t.what = what;
    t.holds_quantities = what == form::quantity;
    return t;
  }

  type& get(const Descriptor* d) {
    auto& slot = messages_[d];
    if (slot) return *slot;
    auto& t = make(form_of(d->options().GetExtension(k8s::form)));
    slot = &t;
    fresh_.push_back(&t);
    t.name = d->name();
    t.definition = definition_name(d);
    t.message = d;
    t.atomic = d->options().GetExtension(k8s::whole);
    t.type_meta = has_type_meta(d);
    t.holds_quantities = t.what == form::quantity;
    std::vector<const FieldDescriptor*> fields;
    for (int i = 0; i < d->field_count(); ++i) fields.push_back(d->field(i));
    std::sort(fields.begin(), fields.end(),
              [](auto* a, auto* b) { return a->number() < b->number(); });
    for (auto* f : fields) t.properties.push_back(field(f));
    for (auto& p : t.properties)
      t.holds_quantities = t.holds_quantities || p.type->holds_quantities;
    return t;
  }

  const type& value(const FieldDescriptor* f) {
    switch (f->type()) {
    case FieldDescriptor::TYPE_MESSAGE: return get(f->message_type());
    case FieldDescriptor::TYPE_BYTES: return scalar(form::bytes);
    case FieldDescriptor::TYPE_BOOL: return scalar(form::boolean);
    case FieldDescriptor::TYPE_INT32: return scalar(form::int32);
    case FieldDescriptor::TYPE_INT64: return scalar(form::int64);
    case FieldDescriptor::TYPE_DOUBLE: return scalar(form::real);
    default: return scalar(form::string);
    }
  }

  property field(const FieldDescriptor* f) {
    auto& options = f->options().GetExtension(k8s::field);
    property p;
    p.name = f->json_name();
    p.number = static_cast<uint32_t>(f->number());
    p.always = options.always();
    p.null = options.always() && options.pointer();
    p.zero = options.zero();
    // Structs that Go holds by value, marked `always`, and scalars that are no pointers: empty is
    // absent.
    bool message = f->type() == FieldDescriptor::TYPE_MESSAGE;
    p.drop_zero = !f->is_repeated() && message == options.always() && !options.pointer() &&
                  !options.zero() && !options.inline_();
    if (message && form_of(f->message_type()->options().GetExtension(k8s::form)) != form::object)
      p.drop_zero = false;
    if (message && f->message_type()->name() == "LabelSelector")
      p.drop_zero = false; // an empty one selects everything
    p.typed = f->full_name() == "k8s.apps.v1.StatefulSetSpec.volume_claim_templates";
    p.required = options.required();
    p.inlined = options.inline_();
    p.default_json = options.default_();
    p.or_zero = options.or_zero();
    p.values.assign(options.value().begin(), options.value().end());
    p.known.assign(options.known().begin(), options.known().end());
    p.doc = options.doc();
    if (f->is_map()) {
      auto& t = make(form::map);
      t.element = &value(f->message_type()->map_value());
      t.atomic = options.atomic();
      t.holds_quantities = t.element->holds_quantities;
      p.type = &t;
    } else if (f->is_repeated()) {
      auto& t = make(form::list);
      t.element = &value(f);
      t.list = list_of(options.list());
      t.list_keys.assign(options.list_key().begin(), options.list_key().end());
      t.merge_key = options.merge_key();
      t.merge = options.merge();
      t.retain_keys = options.retain_keys();
      t.holds_quantities = t.element->holds_quantities;
      p.type = &t;
    } else if (options.atomic() || options.retain_keys() || options.replace()) {
      // The same message, but owned or replaced as a whole in this one place.
      auto& origin = get(f->message_type());
      auto& t = make(origin.what);
      t.name = origin.name;
      t.definition = origin.definition;
      t.message = origin.message;
      t.properties = origin.properties;
      t.holds_quantities = origin.holds_quantities;
      t.atomic = options.atomic();
      t.retain_keys = options.retain_keys();
      t.replace = options.replace();
      fresh_.push_back(&t);
      p.type = &t;
    } else {
      p.type = &value(f);
    }
    return p;
  }

  std::mutex mutex_;
  std::deque<type> types_;
  std::array<type, 32> scalars_;
  std::unordered_map<const Descriptor*, type*> messages_;
  std::vector<type*> fresh_;
};

} // namespace

const type& of(const google::protobuf::Descriptor* message) {
  static auto& all = *new compiler; // lives as long as the process, past every static destructor
  return all.message(message);
}

std::string definition_name(const google::protobuf::Descriptor* message) {
  auto prefix = message->file()->options().GetExtension(k8s::openapi_prefix);
  auto& name = message->name();
  if (message->file()->package() == "k8s.base") {
    if (name == "Quantity")
      prefix += ".api.resource";
    else if (name == "IntOrString")
      prefix += ".util.intstr";
    else
      prefix += ".runtime";
  }
  return prefix + "." + name;
}

} // namespace troupe::schema
