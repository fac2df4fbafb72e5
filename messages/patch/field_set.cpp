#include "messages/patch/field_set.hpp"

#include "messages/base/json.hpp"

#include <algorithm>

namespace troupe::patch {

using schema::form;
using schema::type;

namespace {

void read(const json::value& v, field_set& out) {
  auto members = v.if_object();
  if (!members) return;
  for (auto& [key, below] : *members) {
    if (key == ".") {
      out.self = true;
      continue;
    }
    auto& child = out.below[std::string(key)];
    read(below, child);
    // An element without anything below it is a member itself.
    if (child.below.empty()) child.self = true;
  }
}

void write(const field_set& set, std::string& out, bool root) {
  out += '{';
  bool first = true;
  if (set.self && !root && !set.below.empty()) {
    out += "\".\":{}";
    first = false;
  }
  for (auto& [key, below] : set.below) {
    if (!first) out += ',';
    first = false;
    json::write_string(out, key);
    out += ':';
    write(below, out, false);
  }
  out += '}';
}

void spell(const std::string& key, std::string& out) {
  if (key.starts_with("f:")) {
    out.append(".").append(key, 2);
  } else if (key.starts_with("k:")) {
    auto keys = json::parse(std::string_view(key).substr(2));
    out += '[';
    bool first = true;
    if (keys && keys->is_object())
      for (auto& [name, value] : keys->as_object()) {
        out.append(first ? "" : ",").append(name).append("=").append(json::write(value));
        first = false;
      }
    out += ']';
  } else {
    out.append("[=").append(key, 2).append("]");
  }
}

void visit_paths(const field_set& set, std::string& path,
                 const std::function<void(const std::string&)>& visit) {
  if (set.self && !path.empty()) visit(path);
  for (auto& [key, below] : set.below) {
    auto size = path.size();
    spell(key, path);
    visit_paths(below, path, visit);
    path.resize(size);
  }
}

/// The type of a member, as far as it is known.
const type& member(const type& t, std::string_view name) {
  if (t.what == form::map) return *t.element;
  if (auto child = t.child(name)) return *child;
  return untyped();
}

const type& element(const type& t) { return t.element ? *t.element : untyped(); }

bool object_like(const type& t, const json::value& v) {
  if (!v.is_object() || whole(t)) return false;
  return true;
}

bool list_like(const type& t, const json::value& v) {
  return v.is_array() && t.what == form::list && kind_of(t) != list_kind::atomic;
}

bool empty_collection(const type& t, const json::value& v) {
  if (t.what == form::map && v.is_object()) return v.get_object().empty();
  return t.what == form::list && v.is_array() && v.get_array().empty();
}

void collect(const json::value& v, const type& t, field_set& out) {
  if (object_like(t, v)) {
    auto& members = v.get_object();
    if (members.empty()) out.self = true;
    for (auto& [key, below] : members) {
      auto& child = out.below["f:" + std::string(key)];
      auto& inner = member(t, key);
      if (object_like(inner, below) && t.what == form::map) child.self = true;
      collect(below, inner, child);
    }
    return;
  }
  if (list_like(t, v)) {
    auto& elements = v.get_array();
    if (elements.empty()) out.self = true;
    for (auto& e : elements) {
      auto& child = out.below[element_key(t, e)];
      child.self = true;
      if (kind_of(t) == list_kind::map) collect(e, element(t), child);
    }
    return;
  }
  out.self = true;
}

} // namespace

bool field_set::has(std::initializer_list<std::string_view> path) const {
  auto at = this;
  for (auto key : path) {
    auto hit = at->below.find(key);
    if (hit == at->below.end()) return false;
    at = &hit->second;
  }
  return at->self;
}

const type& untyped() {
  static const auto& any = *[] {
    auto t = new type;
    t->what = form::raw;
    t->preserve_unknown = true;
    return t;
  }();
  return any;
}

list_kind kind_of(const type& list) {
  switch (list.list) {
  case schema::list_type::set: return list_kind::set;
  case schema::list_type::map: return list_kind::map;
  default: return list_kind::atomic;
  }
}

bool whole(const type& t) {
  if (t.atomic) return true;
  switch (t.what) {
  case form::object:
  case form::map: return false;
  case form::raw: return !t.preserve_unknown;
  default: return true;
  }
}

std::string element_key(const type& list, const json::value& e) {
  if (kind_of(list) == list_kind::set) return "v:" + json::write(e);
  std::map<std::string, std::string> keys; // sorted, as Kubernetes spells them
  for (auto& name : list.list_keys) {
    if (auto v = json::find(e, name)) {
      keys[name] = json::write(*v);
      continue;
    }
    auto hit = element(list).find(name);
    if (hit.field && !hit.field->default_json.empty())
      keys[name] = hit.field->default_json;
    else if (auto limits = hit.field ? hit.field->type->limits.get() : nullptr;
             limits && limits->has_default)
      keys[name] = json::write(limits->default_value);
  }
  std::string out = "k:{";
  for (auto& [name, value] : keys) {
    if (out.size() > 3) out += ',';
    json::write_string(out, name);
    out.append(":").append(value);
  }
  return out + "}";
}

field_set read_fields(std::string_view fields_v1) {
  field_set out;
  if (auto tree = json::parse(fields_v1)) read(*tree, out);
  return out;
}

std::string write_fields(const field_set& set) {
  std::string out;
  write(set, out, true);
  return out;
}

field_set unite(const field_set& a, const field_set& b) {
  auto out = a;
  out.self = a.self || b.self;
  for (auto& [key, below] : b.below) {
    auto& slot = out.below[key];
    slot = unite(slot, below);
  }
  return out;
}

field_set subtract(const field_set& a, const field_set& b) {
  field_set out;
  out.self = a.self && !b.self;
  for (auto& [key, below] : a.below) {
    auto hit = b.below.find(key);
    auto left = hit == b.below.end() ? below : subtract(below, hit->second);
    if (!left.empty()) out.below.emplace(key, std::move(left));
  }
  return out;
}

field_set intersect(const field_set& a, const field_set& b) {
  field_set out;
  out.self = a.self && b.self;
  for (auto& [key, below] : a.below) {
    auto hit = b.below.find(key);
    if (hit == b.below.end()) continue;
    auto both = intersect(below, hit->second);
    if (!both.empty()) out.below.emplace(key, std::move(both));
  }
  return out;
}

void each_path(const field_set& set, const std::function<void(const std::string& path)>& visit) {
  std::string path;
  visit_paths(set, path, visit);
}

field_set fields_of(const json::value& value, const type& t) {
  field_set out;
  collect(value, t, out);
  return out;
}

field_set changed_fields(const json::value& before, const json::value& now, const type& t) {
  field_set out;
  if (before == now) return out;
  if (object_like(t, now) && (object_like(t, before) || before.is_null())) {
    auto old_members = before.if_object();
    for (auto& [key, v] : now.get_object()) {
      auto old = old_members ? old_members->if_contains(key) : nullptr;
      auto& inner = member(t, key);
      if (!old && empty_collection(inner, v))
        continue; // stored objects do not tell it from absence
      auto below = old ? changed_fields(*old, v, inner) : added_fields(v, inner);
      if (!below.empty()) out.below.emplace("f:" + std::string(key), std::move(below));
    }
    if (!old_members && now.get_object().empty()) out.self = true;
    return out;
  }
  if (list_like(t, now) && (list_like(t, before) || before.is_null())) {
    std::map<std::string, const json::value*> old;
    if (auto elements = before.if_array())
      for (auto& e : *elements) old[element_key(t, e)] = &e;
    bool deep = kind_of(t) == list_kind::map;
    for (auto& e : now.get_array()) {
      auto key = element_key(t, e);
      auto hit = old.find(key);
      field_set below;
      if (hit == old.end()) {
        if (deep) below = added_fields(e, element(t));
        below.self = true;
      } else if (deep) {
        below = changed_fields(*hit->second, e, element(t));
      }
      if (!below.empty()) out.below.emplace(key, std::move(below));
    }
    return out;
  }
  return added_fields(now, t);
}

field_set added_fields(const json::value& now, const type& t) {
  field_set out;
  out.self = true;
  if (object_like(t, now)) {
    for (auto& [key, v] : now.get_object())
      out.below.emplace("f:" + std::string(key), added_fields(v, member(t, key)));
  } else if (list_like(t, now)) {
    for (auto& e : now.get_array()) {
      field_set below;
      if (kind_of(t) == list_kind::map) below = added_fields(e, element(t));
      below.self = true;
      out.below.emplace(element_key(t, e), std::move(below));
    }
  }
  return out;
}

field_set removed_fields(const json::value& before, const json::value& now, const type& t) {
  field_set out;
  if (before == now) return out;
  if (object_like(t, before)) {
    auto members = now.if_object();
    for (auto& [key, v] : before.get_object()) {
      auto kept = members ? members->if_contains(key) : nullptr;
      auto& inner = member(t, key);
      auto below = kept ? removed_fields(v, *kept, inner) : added_fields(v, inner);
      if (!below.empty()) out.below.emplace("f:" + std::string(key), std::move(below));
    }
  } else if (list_like(t, before)) {
    std::map<std::string, const json::value*> left;
    if (auto elements = now.if_array())
      for (auto& e : *elements) left[element_key(t, e)] = &e;
    bool deep = kind_of(t) == list_kind::map;
    for (auto& e : before.get_array()) {
      auto key = element_key(t, e);
      auto hit = left.find(key);
      field_set below;
      if (hit == left.end()) {
        if (deep) below = added_fields(e, element(t));
        below.self = true;
      } else if (deep) {
        below = removed_fields(e, *hit->second, element(t));
      }
      if (!below.empty()) out.below.emplace(key, std::move(below));
    }
  }
  return out;
}

const type& member_type(const type& t, std::string_view name) { return member(t, name); }
const type& element_type(const type& t) { return element(t); }

} // namespace troupe::patch
