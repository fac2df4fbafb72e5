// What one manager owns: kept as the text that it came as, and taken apart only when it changes.
// Most writes touch what a single manager owns, and each object has several. Pure.
#pragma once

#include "messages/patch/field_set.hpp"

#include <optional>

namespace troupe::patch {

class owned_fields {
public:
  owned_fields() : owned_fields(field_set{}) {}
  owned_fields(field_set set) : set_{std::move(set)} {}
  /// What is not an object in JSON owns nothing.
  explicit owned_fields(std::string fields_v1);

  const field_set& set() const;
  std::string text() const { return set_ ? write_fields(*set_) : text_; }
  bool empty() const { return set_ ? set_->empty() : text_ == "{}"; }

  /// Takes away what is in `lost`.
  void take(const field_set& lost);
  /// Adds what is in `gained`.
  void give(const field_set& gained);

private:
  /// How many members of `other` are owned.
  size_t common(const field_set& other) const;

  std::string text_;
  mutable std::optional<field_set> set_; ///< in force if it is there
};

} // namespace troupe::patch
