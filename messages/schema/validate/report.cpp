#include "messages/schema/validate/report.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/schema/validate/rules.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <vector>

namespace troupe::schema::validate {

using google::protobuf::Message;

void path::append(std::string& out) const {
  if (up_) up_->append(out);
  switch (what_) {
  case step::root: return;
  case step::key:
    out += '[';
    out += name_;
    out += ']';
    return;
  case step::member:
  case step::element:
    if (!out.empty() && !name_.empty()) out += '.';
    out += name_;
    if (what_ == step::element) out += '[' + std::to_string(index_) + ']';
    return;
  }
}

std::string path::text() const {
  std::string out;
  append(out);
  return out;
}

std::string shown::text() const {
  if (is_number_) return std::to_string(number_);
  if (!quoted_) return std::string(text_);
  constexpr size_t most = 512; // of a hostile value
  std::string out;
  json::write_string(out, text_.substr(0, most));
  return out;
}

void report::add(const path& at, const char* reason, std::string message) {
  if (found_.size() < causes_max) found_.push_back({reason, std::move(message), at.text()});
}

namespace {

std::string with(std::string_view title, std::string_view why) {
  std::string out(title);
  if (!why.empty()) out.append(": ").append(why);
  return out;
}

/// Whether `text` is the value of a field of `m`, or of its parts but for metadata and maps.
bool holds(const Message& m, std::string_view text) {
  using google::protobuf::FieldDescriptor;
  auto& read = *m.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  read.ListFields(m, &fields);
  for (auto field : fields) {
    if (field->is_map() || field->name() == "metadata") continue;
    int count = field->is_repeated() ? read.FieldSize(m, field) : 1;
    std::string scratch;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        auto& value = field->is_repeated() ? read.GetRepeatedStringReference(m, field, i, &scratch)
                                           : read.GetStringReference(m, field, &scratch);
        if (value == text) return true;
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        auto& part =
            field->is_repeated() ? read.GetRepeatedMessage(m, field, i) : read.GetMessage(m, field);
        if (holds(part, text)) return true;
      }
    }
  }
  return false;
}

} // namespace

void report::required(const path& at, std::string_view why) {
  add(at, "FieldValueRequired", with("Required value", why));
}

void report::invalid(const path& at, shown value, std::string_view why) {
  add(at, "FieldValueInvalid", with("Invalid value: " + value.text(), why));
}

void report::invalid(const path& at, shown value, const names::faults& faults) {
  for (auto& fault : faults) invalid(at, value, fault);
}

void report::invalid_joined(const path& at, shown value, const names::faults& faults,
                            std::string_view by, std::string_view prefix) {
  std::string all(prefix);
  for (auto& fault : faults) all.append(&fault == &faults.front() ? "" : by).append(fault);
  if (!faults.empty()) invalid(at, value, all);
}

void report::not_supported(const path& at, shown value, allowed values) {
  std::string list;
  for (auto v : values) {
    if (!list.empty()) list += ", ";
    json::write_string(list, v);
  }
  add(at, "FieldValueNotSupported",
      with("Unsupported value: " + value.text(),
           list.empty() ? list : "supported values: " + list));
}

void report::duplicate(const path& at, shown value, std::string_view why) {
  add(at, "FieldValueDuplicate", with("Duplicate value: " + value.text(), why));
}

void report::forbidden(const path& at, std::string_view why) {
  add(at, "FieldValueForbidden", with("Forbidden", why));
}

void report::not_found(const path& at, shown value, std::string_view why) {
  add(at, "FieldValueNotFound", with("Not found: " + value.text(), why));
}

void report::too_long(const path& at, size_t max) {
  add(at, "FieldValueTooLong", "Too long: may not be more than " + std::to_string(max) + " bytes");
}

void report::too_many(const path& at, size_t count, size_t max) {
  add(at, "FieldValueTooMany",
      "Too many: " + std::to_string(count) + ": must have at most " + std::to_string(max) +
          " items");
}

void report::immutable(const path& at, shown value, bool same) {
  if (!same) invalid(at, value, "field is immutable");
}

void report::immutable(const path& at, const Message* value, bool same) {
  if (same) return;
  if (!value) return invalid(at, "null", "field is immutable");
  invalid(at, shown::plain(json_of(*value)), "field is immutable");
}

void report::ip(const path& at, std::string_view value) {
  auto faults = names::ip(value);
  if (!faults.empty() && !was_there(value)) invalid(at, value, faults);
}

void report::cidr(const path& at, std::string_view value) {
  auto faults = names::cidr(value);
  if (!faults.empty() && !was_there(value)) invalid(at, value, faults);
}

bool report::was_there(std::string_view address) const {
  // Nothing else that looks like this is in an object but for its metadata and maps.
  return before_ && address.find_first_of(".:") != address.npos && holds(*before_, address);
}

bool report::one_of(const path& at, std::string_view value, allowed values) {
  if (std::find(values.begin(), values.end(), value) != values.end()) return true;
  if (value.empty())
    required(at);
  else
    not_supported(at, value, values);
  return false;
}

bool report::not_empty(const path& at, std::string_view value, std::string_view why) {
  if (value.empty()) required(at, why);
  return !value.empty();
}

bool report::name(const path& at, std::string_view value, names::faults (*rule)(std::string_view)) {
  return not_empty(at, value) && optional_name(at, value, rule);
}

bool report::optional_name(const path& at, std::string_view value,
                           names::faults (*rule)(std::string_view)) {
  if (value.empty()) return true;
  auto faults = rule(value);
  invalid(at, value, faults);
  return faults.empty();
}

bool report::not_negative(const path& at, int64_t value) {
  if (value < 0) invalid(at, value, "must be greater than or equal to 0");
  return value >= 0;
}

bool report::positive(const path& at, int64_t value) {
  if (value <= 0) invalid(at, value, "must be greater than zero");
  return value > 0;
}

bool report::between(const path& at, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return true;
  invalid(at, value,
          "must be between " + std::to_string(least) + " and " + std::to_string(most) +
              ", inclusive");
  return false;
}

bool same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  // Bytes that are equal need no closer look, and that is much dearer.
  if (a.ByteSizeLong() == b.ByteSizeLong() && codec::to_wire(a) == codec::to_wire(b)) return true;
  return google::protobuf::util::MessageDifferencer::Equivalent(a, b);
}

} // namespace troupe::schema::validate
