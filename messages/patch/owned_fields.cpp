#include "messages/patch/owned_fields.hpp"

#include "messages/base/json_reader.hpp"
#include "messages/patch/fields_text.hpp"

namespace troupe::patch {

owned_fields::owned_fields(std::string fields_v1) : text_{std::move(fields_v1)} {
  json::reader in(text_);
  bool object = in.peek() == json::token::object;
  in.skip();
  if (!object || !in.at_end() || in.failed()) text_ = "{}";
}

const field_set& owned_fields::set() const {
  if (!set_) set_ = read_fields(text_);
  return *set_;
}

void owned_fields::take(const field_set& lost) {
  if (lost.empty()) return;
  auto left = set_ ? std::nullopt : subtract(text_, lost);
  if (left)
    text_ = std::move(*left);
  else
    set_ = subtract(set(), lost);
}

void owned_fields::give(const field_set& gained) {
  if (gained.empty()) return;
  auto both = set_ ? std::nullopt : unite(text_, gained);
  if (both)
    text_ = std::move(*both);
  else
    set_ = unite(set(), gained);
}

} // namespace troupe::patch
