// Sets of fields: who owns which part of an object. A tree of path elements, read from and written
// to the fieldsV1 form of managedFields. Pure.
#pragma once

#include "messages/schema/type.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace troupe::patch {

/// A node of the tree: is this place itself in the set, and what is below it. Keys are path
/// elements in their fieldsV1 spelling: "f:name", "k:{...}", "v:...", "i:0".
struct field_set {
  bool self = false;
  std::map<std::string, field_set, std::less<>> below;

  bool empty() const { return !self && below.empty(); }
  bool operator==(const field_set&) const = default;

  bool has(std::initializer_list<std::string_view> path) const;
};

/// Reads fieldsV1; malformed input yields what could be read.
field_set read_fields(std::string_view fields_v1);
std::string write_fields(const field_set& set);

field_set unite(const field_set& a, const field_set& b);
/// What is in `a` and not in `b`.
field_set subtract(const field_set& a, const field_set& b);
field_set intersect(const field_set& a, const field_set& b);

/// Calls `visit(path)` for each member, with paths spelled as in conflicts: .spec.replicas,
/// .spec.containers[name="c"].image.
void each_path(const field_set& set, const std::function<void(const std::string& path)>& visit);

/// The fields that are set in `value`: leaves, list elements, and map entries.
field_set fields_of(const json::value& value, const schema::type& type);

/// Those fields of `now` that differ from `before`, or are not in it. What is new belongs to the
/// set with every object and list on the way.
field_set changed_fields(const json::value& before, const json::value& now,
                         const schema::type& type);
field_set added_fields(const json::value& now, const schema::type& type);
/// Those fields of `before` that `now` has not.
field_set removed_fields(const json::value& before, const json::value& now,
                         const schema::type& type);

/// How the elements of a list are told apart.
enum class list_kind : uint8_t { atomic, set, map };
list_kind kind_of(const schema::type& list);
/// The path element of a list's element: "k:{...}" or "v:...".
std::string element_key(const schema::type& list, const json::value& element);
/// Whether a value of this type is owned as a whole.
bool whole(const schema::type& type);

/// The type of an object's member or map's entry, and of a list's element; untyped() if not known.
const schema::type& member_type(const schema::type& type, std::string_view name);
const schema::type& element_type(const schema::type& type);

/// The type of free-form content: whatever it is, it is owned by its leaves.
const schema::type& untyped();

} // namespace troupe::patch
