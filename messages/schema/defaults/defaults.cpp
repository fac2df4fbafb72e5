// Walks an object along the branches that hold defaults, and fills in constants and rules on the
// way.
#include "messages/schema/defaults.hpp"

#include "messages/schema/built_in.hpp"
#include "messages/schema/defaults/rules.hpp"
#include "messages/schema/type.hpp"

#include "messages/api/base.pb.h"

#include <charconv>
#include <unordered_map>

namespace troupe::schema {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Puts the constant `json` into a field that has none.
void put_constant(Message& m, const FieldDescriptor* f, std::string_view json) {
  auto* r = m.GetReflection();
  auto text = [&] { return std::string(json.substr(1, json.size() - 2)); };
  auto number = [&] {
    int64_t value = 0;
    std::from_chars(json.data(), json.data() + json.size(), value);
    return value;
  };
  switch (f->cpp_type()) {
  case FieldDescriptor::CPPTYPE_STRING: return r->SetString(&m, f, text());
  case FieldDescriptor::CPPTYPE_BOOL: return r->SetBool(&m, f, json == "true");
  case FieldDescriptor::CPPTYPE_INT32: return r->SetInt32(&m, f, static_cast<int32_t>(number()));
  case FieldDescriptor::CPPTYPE_INT64: return r->SetInt64(&m, f, number());
  case FieldDescriptor::CPPTYPE_MESSAGE: {
    auto* inner = r->MutableMessage(&m, f);
    if (auto* q = dynamic_cast<k8s::base::Quantity*>(inner)) {
      q->set_string(text());
    } else if (auto* i = dynamic_cast<k8s::base::IntOrString*>(inner)) {
      bool is_text = json.front() == '"';
      i->set_type(is_text ? 1 : 0);
      i->set_int_val(is_text ? 0 : static_cast<int32_t>(number()));
      i->set_str_val(is_text ? text() : "");
    }
    return;
  }
  default: return;
  }
}

/// Whether `f` counts as left out. Clients written in Go send empty strings for fields they did not
/// set.
bool left_out(const Message& m, const FieldDescriptor* f, bool or_zero) {
  auto* r = m.GetReflection();
  if (!r->HasField(m, f)) return true;
  if (f->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
    return r->GetStringReference(m, f, nullptr).empty();
  return or_zero && f->cpp_type() == FieldDescriptor::CPPTYPE_INT32 && r->GetInt32(m, f) == 0;
}

struct plan;

struct branch {
  const FieldDescriptor* field;
  const plan* below;
  bool by_value; ///< the struct is there even when nothing in it was said
};

struct constant {
  const FieldDescriptor* field;
  const property* from;
};

/// What there is to do in messages of one type.
struct plan {
  std::vector<void (*)(Message&)> rules;
  std::vector<constant> constants;
  std::vector<branch> branches;

  bool empty() const { return rules.empty() && constants.empty() && branches.empty(); }
};

/// The plans of all kinds, made once.
class planner {
public:
  planner() {
    using namespace defaults;
    for (auto& rules :
         {pod_rules(), resource_rules(), workload_rules(), network_rules(), cluster_rules()})
      for (auto& rule : rules) rules_[rule.on].push_back(rule.apply);
    for (auto* kind : built_in_prototypes()) make(kind->GetDescriptor());
    for (auto* document : other_documents()) {
      auto* file = document->GetDescriptor()->file();
      for (int i = 0; i < file->message_type_count(); ++i) make(file->message_type(i));
    }
  }

  const plan* find(const Descriptor* d) const {
    auto found = plans_.find(d);
    return found == plans_.end() ? nullptr : &found->second;
  }

private:
  /// A message within itself (only JSON schemas) is not followed: nothing in them has a default.
  const plan& make(const Descriptor* d) {
    auto [at, added] = plans_.try_emplace(d);
    auto& p = at->second;
    if (!added) return p;
    if (auto found = rules_.find(d); found != rules_.end()) p.rules = found->second;
    auto& shape = of(d);
    for (int i = 0; i < d->field_count(); ++i) {
      auto* f = d->field(i);
      auto* property = shape.by_number(static_cast<uint32_t>(f->number()));
      if (property && !property->default_json.empty()) p.constants.push_back({f, property});
      if (f->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || f->is_map()) continue;
      auto& below = make(f->message_type());
      if (!below.empty()) p.branches.push_back({f, &below, property && property->drop_zero});
    }
    return p;
  }

  std::unordered_map<const Descriptor*, std::vector<void (*)(Message&)>> rules_;
  std::unordered_map<const Descriptor*, plan> plans_;
};

void apply(const plan& p, Message& m) {
  for (auto rule : p.rules) rule(m);
  for (auto& c : p.constants)
    if (left_out(m, c.field, c.from->or_zero)) put_constant(m, c.field, c.from->default_json);
  auto* r = m.GetReflection();
  for (auto& b : p.branches) {
    if (b.field->is_repeated()) {
      for (int i = 0, n = r->FieldSize(m, b.field); i < n; ++i)
        apply(*b.below, *r->MutableRepeatedMessage(&m, b.field, i));
    } else if (r->HasField(m, b.field)) {
      apply(*b.below, *r->MutableMessage(&m, b.field));
    } else if (b.by_value) {
      auto& inner = *r->MutableMessage(&m, b.field);
      apply(*b.below, inner);
      if (inner.ByteSizeLong() == 0) r->ClearField(&m, b.field);
    }
  }
}

} // namespace

void set_defaults(Message& object) {
  static const auto& plans = *new planner; // lives as long as the process
  if (auto* p = plans.find(object.GetDescriptor())) apply(*p, object);
}

} // namespace troupe::schema
