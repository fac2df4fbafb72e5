#include "messages/patch/strategic.hpp"

#include "messages/patch/field_set.hpp"

#include <algorithm>
#include <set>

namespace troupe::patch {

namespace {

using schema::form;
using schema::type;

constexpr std::string_view directive = "$patch";
constexpr std::string_view retain_keys = "$retainKeys";
constexpr std::string_view delete_prefix = "$deleteFromPrimitiveList/";
constexpr std::string_view order_prefix = "$setElementOrder/";

error malformed(std::string why) {
  return {errc::bad_request, "the strategic merge patch is malformed: " + why};
}

/// boost::json::array has no erase_if of its own.
template<class Unwanted> void drop_if(json::array& list, Unwanted unwanted) {
  list.erase(std::remove_if(list.begin(), list.end(), unwanted), list.end());
}

bool reserved(std::string_view key) {
  return key.starts_with('$') && (key == directive || key == retain_keys ||
                                  key.starts_with(delete_prefix) || key.starts_with(order_prefix));
}

std::string_view directive_of(const json::value& v) { return json::string_at(v, {directive}); }

result<void> merge_object(json::value& document, const json::value& patch, const type& t);

/// `patch` as a value of its own: its directives carried out on nothing.
result<json::value> fresh(const json::value& patch, const type& t) {
  if (patch.is_object()) {
    json::value out = json::object{};
    auto done = merge_object(out, patch, t);
    if (!done) return done.error();
    return out;
  }
  if (auto elements = patch.if_array();
      elements && t.what == form::list && t.merge && !t.merge_key.empty()) {
    json::array out;
    for (auto& e : *elements) {
      if (!directive_of(e).empty()) continue;
      auto one = fresh(e, element_type(t));
      if (!one) return one.error();
      out.push_back(std::move(*one));
    }
    return json::value(std::move(out));
  }
  return patch;
}

/// Puts `list` into the order that `wanted` names; what is not named keeps its place relative to
/// its neighbours in `before`.
template<class KeyOf>
void reorder(json::array& list, const json::array& before, const std::vector<json::value>& wanted,
             KeyOf key_of) {
  auto position = [](const auto& keys, const json::value& key) {
    return static_cast<size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
  };
  std::vector<json::value> old;
  for (auto& e : before) old.push_back(key_of(e));
  json::array named, others;
  for (auto& e : list) (position(wanted, key_of(e)) < wanted.size() ? named : others).push_back(e);
  std::stable_sort(named.begin(), named.end(), [&](auto& a, auto& b) {
    return position(wanted, key_of(a)) < position(wanted, key_of(b));
  });
  json::array out;
  size_t i = 0, j = 0;
  while (i < named.size() && j < others.size()) {
    auto at = position(old, key_of(named[i]));
    bool other_first = at < old.size() && position(old, key_of(others[j])) < at;
    out.push_back(other_first ? others[j++] : named[i++]);
  }
  for (; i < named.size(); ++i) out.push_back(named[i]);
  for (; j < others.size(); ++j) out.push_back(others[j]);
  list = std::move(out);
}

json::value merge_key_of(const json::value& element, const std::string& key) {
  auto found = json::find(element, key);
  return found ? *found : json::value(nullptr);
}

result<void> merge_keyed_list(json::value& document, const json::array& patch,
                              const json::array* order, const type& t) {
  auto& key = t.merge_key;
  json::array before = document.is_array() ? document.get_array() : json::array{};
  json::array list = before;
  bool replace =
      std::any_of(patch.begin(), patch.end(), [](auto& e) { return directive_of(e) == "replace"; });
  if (replace) list.clear();
  for (auto& e : patch) {
    if (!e.is_object()) return malformed("an element of a list of objects is no object");
    auto what = directive_of(e);
    if (what == "replace") continue;
    if (!what.empty() && what != "delete" && what != "merge")
      return malformed("$patch may be merge, replace or delete, not \"" + std::string(what) + "\"");
    auto id = merge_key_of(e, key);
    if (id.is_null())
      return error{errc::invalid, "an element of the patch does not contain the merge key \"" +
                                      key + "\" that tells elements of its list apart"};
    auto hit =
        std::find_if(list.begin(), list.end(), [&](auto& x) { return merge_key_of(x, key) == id; });
    if (what == "delete") {
      drop_if(list, [&](auto& x) { return merge_key_of(x, key) == id; });
    } else if (hit != list.end()) {
      if (auto done = merge_object(*hit, e, element_type(t)); !done) return done;
    } else {
      auto added = fresh(e, element_type(t));
      if (!added) return added.error();
      list.push_back(std::move(*added));
    }
  }
  std::vector<json::value> wanted;
  for (auto& o : order ? *order : patch) wanted.push_back(merge_key_of(o, key));
  reorder(list, before, wanted, [&](const json::value& e) { return merge_key_of(e, key); });
  document = std::move(list);
  return {};
}

void merge_plain_list(json::value& document, const json::array* patch, const json::array* order,
                      const json::array* removed) {
  json::array before = document.is_array() ? document.get_array() : json::array{};
  json::array list = before;
  auto has = [](const json::array& in, const json::value& v) {
    return std::find(in.begin(), in.end(), v) != in.end();
  };
  if (removed) drop_if(list, [&](auto& v) { return has(*removed, v); });
  if (patch)
    for (auto& v : *patch)
      if (!has(list, v)) list.push_back(v);
  auto wanted = order ? order : patch;
  if (wanted)
    reorder(list, before, {wanted->begin(), wanted->end()}, [](const json::value& v) { return v; });
  document = std::move(list);
}

/// The list that a directive such as $setElementOrder/ports carries, or null.
result<const json::array*> directive_list(const json::object& patch, std::string_view prefix,
                                          std::string_view field) {
  auto found = patch.if_contains(std::string(prefix) + std::string(field));
  if (!found) return static_cast<const json::array*>(nullptr);
  if (!found->is_array())
    return malformed(std::string(prefix) + std::string(field) + " is not a list");
  return &found->get_array();
}

result<void> merge_member(json::object& members, std::string_view key, const json::value* v,
                          const json::object& patch, const type& t) {
  if (v && v->is_null()) {
    members.erase(key);
    return {};
  }
  auto& inner = member_type(t, key);
  auto order = directive_list(patch, order_prefix, key);
  auto removed = directive_list(patch, delete_prefix, key);
  if (!order) return order.error();
  if (!removed) return removed.error();
  if (v && v->is_object()) {
    auto& slot = members[key];
    if (inner.replace) slot = *v;
    return inner.replace ? result<void>{} : merge_object(slot, *v, inner);
  }
  bool list = (v && v->is_array()) || *order || *removed;
  if (!list || !inner.merge) {
    if (v) members[key] = *v;
    return {};
  }
  if (!v && !members.contains(key)) return {};
  auto& slot = members[key];
  static const json::array none;
  if (!inner.merge_key.empty())
    return merge_keyed_list(slot, v ? v->get_array() : none, *order, inner);
  merge_plain_list(slot, v ? &v->get_array() : nullptr, *order, *removed);
  return {};
}

result<void> merge_object(json::value& document, const json::value& patch, const type& t) {
  auto changes = patch.if_object();
  if (!changes) return malformed("it is not an object");
  auto what = directive_of(patch);
  if (what == "delete") {
    document = json::object{};
    return {};
  }
  if (!what.empty() && what != "replace" && what != "merge")
    return malformed("$patch may be merge, replace or delete, not \"" + std::string(what) + "\"");
  if (!document.is_object() || what == "replace") document = json::object{};
  auto& members = document.get_object();
  if (auto keep = changes->if_contains(retain_keys)) {
    if (!keep->is_array()) return malformed("$retainKeys is not a list");
    auto& names = keep->get_array();
    for (auto& [key, v] : *changes)
      if (!reserved(key) && !v.is_null() &&
          std::find(names.begin(), names.end(), json::value(key)) == names.end())
        return malformed("$retainKeys does not name \"" + std::string(key) +
                         "\", which the patch sets");
    std::vector<std::string> gone;
    for (auto& [key, v] : members)
      if (std::find(names.begin(), names.end(), json::value(key)) == names.end())
        gone.emplace_back(key);
    for (auto& key : gone) members.erase(key);
  }
  std::set<std::string, std::less<>> done_keys;
  for (auto& [key, v] : *changes) {
    auto name = std::string_view(key);
    const json::value* value = &v;
    if (name == directive || name == retain_keys) continue;
    for (auto prefix : {order_prefix, delete_prefix})
      if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        value = changes->if_contains(name);
      }
    if (!done_keys.emplace(name).second) continue;
    if (auto done = merge_member(members, name, value, *changes, t); !done) return done;
  }
  return {};
}

} // namespace

result<void> apply_strategic_patch(json::value& document, const json::value& patch,
                                   const schema::type& type) {
  return merge_object(document, patch, type);
}

} // namespace troupe::patch
