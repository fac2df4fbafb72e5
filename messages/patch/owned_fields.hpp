// What one manager owns: kept and changed as the text that it came as, and taken apart only for
// those who look into it. Pure.
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
  std::string text_;
  mutable std::optional<field_set> set_; ///< in force if it is there
};

} // namespace troupe::patch
