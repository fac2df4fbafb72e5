// Label and field selectors: read from query strings and from objects, matched against anything
// that can look up a name.
#pragma once

#include "messages/base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace k8s::meta::v1 {
class LabelSelector;
}

namespace troupe {

/// The longest selector that is read: 64 KiB.
constexpr size_t selector_bytes_max = 64 * 1024;

/// A label's value as "greater than" compares it: a whole number, whose sign may be a plus.
std::optional<int64_t> whole_number(std::string_view text);

/// One condition on one label.
struct requirement {
  enum class op : uint8_t { in, not_in, exists, absent, greater, less };
  std::string key;
  op what = op::exists;
  std::vector<std::string> values;
  bool as_set = false; ///< told as "in (a)", not as "=a"

  bool matches(std::optional<std::string_view> value) const;
};

/// All conditions must hold; none at all selects everything.
class label_selector {
public:
  /// "app=web,tier in (a,b),!old,n>3".
  static result<label_selector> parse(std::string_view text);
  /// From an object's selector. An empty one selects everything; `nothing()` stands for an absent
  /// one.
  static result<label_selector> from(const k8s::meta::v1::LabelSelector& selector);
  template<class Map> static label_selector equal_to(const Map& labels) {
    label_selector out;
    for (auto& [key, value] : labels)
      out.requirements_.push_back({key, requirement::op::in, {value}, false});
    return out;
  }
  static label_selector nothing();

  /// `lookup(key)` yields std::optional<std::string_view>.
  template<class Lookup> bool matches(const Lookup& lookup) const {
    if (nothing_) return false;
    for (auto& r : requirements_)
      if (!r.matches(lookup(r.key))) return false;
    return true;
  }
  /// Against a map of labels.
  template<class Map> bool matches_map(const Map& labels) const {
    return matches([&](const std::string& key) -> std::optional<std::string_view> {
      auto hit = labels.find(key);
      if (hit == labels.end()) return {};
      return hit->second;
    });
  }

  bool empty() const { return requirements_.empty() && !nothing_; }
  const std::vector<requirement>& requirements() const { return requirements_; }
  /// In the form that parse() reads.
  std::string text() const;

private:
  std::vector<requirement> requirements_;
  bool nothing_ = false;
};

/// "metadata.name=a,status.phase!=Running".
struct field_requirement {
  std::string path;
  std::string value;
  bool equal = true;
};
result<std::vector<field_requirement>> parse_field_selector(std::string_view text);

} // namespace troupe
