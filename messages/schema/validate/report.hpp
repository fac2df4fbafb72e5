// Where a fault is (path) and the list of faults found so far (report), in Kubernetes' reasons and
// words.
#pragma once

#include "messages/base/error.hpp"
#include "messages/base/names.hpp"
#include "messages/schema/validate.hpp"

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace troupe::schema::validate {

/// A place in an object. Steps point at the steps above them, so a path costs nothing until a fault
/// is written down; each step must be named before the next one is taken, which the deleted
/// overloads check.
class path {
public:
  path() = default;

  /// A member, or several joined by dots.
  path operator/(std::string_view member) const& { return {this, member, step::member, 0}; }
  path operator/(std::string_view) const&& = delete;
  /// An element of a list: `ports[2]`.
  path at(std::string_view list, int index) const& { return {this, list, step::element, index}; }
  path at(std::string_view, int) const&& = delete;
  /// An element of this list.
  path operator[](int index) const& { return {this, {}, step::element, index}; }
  path operator[](int) const&& = delete;
  /// A value of this map: `limits[cpu]`.
  path key(std::string_view key) const& { return {this, key, step::key, 0}; }
  path key(std::string_view) const&& = delete;

  std::string text() const;

private:
  enum class step : uint8_t { root, member, element, key };

  path(const path* up, std::string_view name, step what, int index)
      : up_{up}, name_{name}, index_{index}, what_{what} {}
  void append(std::string& out) const;

  const path* up_ = nullptr;
  std::string_view name_;
  int index_ = 0;
  step what_ = step::root;
};

/// A value as messages show it: strings in quotes.
class shown {
public:
  shown(std::string_view text) : text_{text}, quoted_{true} {}
  shown(const std::string& text) : shown(std::string_view(text)) {}
  shown(const char* text) : shown(std::string_view(text)) {}
  shown(bool value) : text_{value ? "true" : "false"} {}
  shown(std::integral auto number) : number_{static_cast<int64_t>(number)}, is_number_{true} {}

  /// As it stands, for lists in Go's form and other values that are no strings.
  static shown plain(std::string_view text) {
    shown out(text);
    out.quoted_ = false;
    return out;
  }

  std::string text() const;

private:
  std::string_view text_;
  int64_t number_ = 0;
  bool quoted_ = false;
  bool is_number_ = false;
};

using allowed = std::initializer_list<std::string_view>;

/// The faults of one object.
class report {
public:
  void required(const path& at, std::string_view why = {});
  void invalid(const path& at, shown value, std::string_view why);
  void invalid(const path& at, shown value, const names::faults& faults);
  void not_supported(const path& at, shown value, allowed values);
  /// Told once, however many faults there are.
  void invalid_joined(const path& at, shown value, const names::faults& faults,
                      std::string_view by = ";", std::string_view prefix = {});
  void duplicate(const path& at, shown value, std::string_view why = {});
  void forbidden(const path& at, std::string_view why);
  void not_found(const path& at, shown value, std::string_view why = {});
  void too_long(const path& at, size_t max);
  void too_many(const path& at, size_t count, size_t max);
  /// The value differs from the stored one and may not.
  void immutable(const path& at, shown value, bool same);

  /// Common shapes of rules; each returns whether all is well.
  bool one_of(const path& at, std::string_view value, allowed values);
  bool not_empty(const path& at, std::string_view value, std::string_view why = {});
  /// Required, and then checked by `rule`.
  bool name(const path& at, std::string_view value, names::faults (*rule)(std::string_view));
  /// Checked by `rule` unless empty.
  bool optional_name(const path& at, std::string_view value,
                     names::faults (*rule)(std::string_view));
  bool not_negative(const path& at, int64_t value);
  bool positive(const path& at, int64_t value);
  bool between(const path& at, int64_t value, int64_t least, int64_t most);

  bool empty() const { return found_.empty(); }
  size_t size() const { return found_.size(); }
  causes take() { return std::move(found_); }

private:
  void add(const path& at, const char* reason, std::string message);

  causes found_;
};

/// Whether two messages say the same. What is absent equals what is empty: clients written in Go
/// send empty values for fields that they did not set.
bool same(const google::protobuf::Message& a, const google::protobuf::Message& b);

} // namespace troupe::schema::validate
