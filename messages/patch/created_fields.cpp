#include "messages/patch/created_fields.hpp"

#include "messages/base/json_reader.hpp"
#include "messages/patch/field_set.hpp"

#include <algorithm>
#include <vector>

namespace troupe::patch {

namespace {

using schema::form;
using schema::type;

/// Children of one place: their spelled keys, and where what is below them stands in `text`.
class children {
public:
  /// Begins a child; what is appended to text() until the next one is below it.
  void begin(std::string key) { all_.push_back({std::move(key), text_.size(), 0}); }
  std::string& text() { return text_; }
  void end() { all_.back().end = text_.size(); }
  /// Takes back the child that was begun last: there is nothing below it.
  void drop() {
    text_.resize(all_.back().begin);
    all_.pop_back();
  }
  bool empty() const { return all_.empty(); }

  /// Appends `{"key":below,...}` in the order of keys, which is the order of field sets.
  void write(std::string& out, bool self) {
    std::sort(all_.begin(), all_.end(), [](auto& a, auto& b) { return a.key < b.key; });
    out += '{';
    if (self && !all_.empty()) out += "\".\":{}";
    for (size_t i = 0; i < all_.size(); ++i) {
      if (i > 0 || self) out += ',';
      json::write_string(out, all_[i].key);
      out += ':';
      out.append(text_, all_[i].begin, all_[i].end - all_[i].begin);
    }
    out += '}';
  }

private:
  struct child {
    std::string key;
    size_t begin, end;
  };
  std::vector<child> all_;
  std::string text_;
};

std::string field_key(std::string_view name) { return std::string("f:").append(name); }

/// The element's key as element_key() spells it, from its text.
std::string key_of_element(const type& list, std::string_view text) {
  if (kind_of(list) == list_kind::set) return std::string("v:").append(text);
  json::object keys;
  json::reader in(text);
  std::string_view name;
  if (in.peek() == json::token::object && in.enter_object())
    while (in.next_key(name)) {
      bool wanted =
          std::find(list.list_keys.begin(), list.list_keys.end(), name) != list.list_keys.end();
      std::string own(name);
      auto value = in.skip();
      if (!wanted) continue;
      if (auto read = json::parse(value)) keys[own] = std::move(*read);
    }
  return element_key(list, json::value(std::move(keys)));
}

bool is_list_of_owned(const type& t) {
  return t.what == form::list && kind_of(t) != list_kind::atomic;
}

/// Everything in the value belongs to the set, with every object and list on the way.
void added(json::reader& in, const type& t, std::string& out) {
  auto what = in.peek();
  if (what == json::token::object && !whole(t)) {
    children below;
    std::string_view name;
    in.enter_object();
    while (in.next_key(name)) {
      auto& inner = member_type(t, name);
      below.begin(field_key(name));
      added(in, inner, below.text());
      below.end();
    }
    return below.write(out, true);
  }
  if (what == json::token::array && is_list_of_owned(t)) {
    children below;
    in.enter_array();
    while (in.next_element()) {
      auto text = in.skip();
      below.begin(key_of_element(t, text));
      if (kind_of(t) == list_kind::map) {
        json::reader inside(text);
        added(inside, element_type(t), below.text());
      } else {
        below.text() += "{}";
      }
      below.end();
    }
    return below.write(out, true);
  }
  in.skip();
  out += "{}";
}

bool is_empty_collection(const type& t, std::string_view text) {
  return (t.what == form::map && text == "{}") || (t.what == form::list && text == "[]");
}

bool changed(std::string_view text, const json::value& before, const type& t, std::string& out);

void one_member(children& into, const std::string& name, std::string_view value,
                const json::value* old, const type& t) {
  auto& inner = member_type(t, name);
  if (!old && is_empty_collection(inner, value)) return; // stored as if it were absent
  into.begin(field_key(name));
  bool any = true;
  if (old) {
    any = changed(value, *old, inner, into.text());
  } else {
    json::reader inside(value);
    added(inside, inner, into.text());
  }
  any ? into.end() : into.drop();
}

/// Appends what differs from `before`. False if nothing does.
bool changed(std::string_view text, const json::value& before, const type& t, std::string& out) {
  if (json::write(before) == text) return false;
  json::reader in(text);
  auto what = in.peek();
  bool as_object = what == json::token::object && !whole(t) &&
                   (before.is_null() || (before.is_object() && !whole(t)));
  bool as_list = what == json::token::array && is_list_of_owned(t) &&
                 (before.is_null() || (before.is_array() && before.get_array().empty()));
  if (as_object) {
    auto members = before.if_object();
    children below;
    std::string_view name;
    in.enter_object();
    while (in.next_key(name)) {
      auto old = members ? members->if_contains(name) : nullptr;
      std::string own(name);
      one_member(below, own, in.skip(), old, t);
    }
    if (below.empty() && (members || text != "{}")) return false;
    below.write(out, false);
    return true;
  }
  if (as_list) {
    std::string all;
    added(in, t, all);
    if (all == "{}") return false; // no elements
    // The list itself stood there before, and belongs to nobody new.
    constexpr std::string_view self = "{\".\":{},";
    out += '{';
    out.append(all, all.starts_with(self) ? self.size() : 1);
    return true;
  }
  added(in, t, out);
  return true;
}

constexpr std::string_view of_nobody[] = {"apiVersion", "kind"};
constexpr std::string_view of_nobody_in_metadata[] = {
    "name",       "namespace",     "creationTimestamp", "selfLink",   "uid",
    "generation", "managedFields", "resourceVersion",   "clusterName"};

bool is_one_of(auto& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// The members of an object but for some, each compared with the same of `before`.
template<class Skip, class Each>
void each_member(std::string_view text, const json::value* before, Skip skip, Each each) {
  json::reader in(text);
  if (in.peek() != json::token::object) return;
  std::string_view name;
  auto members = before ? before->if_object() : nullptr;
  in.enter_object();
  while (in.next_key(name)) {
    std::string own(name);
    auto value = in.skip();
    if (!skip(own)) each(own, value, members ? members->if_contains(own) : nullptr);
  }
}

} // namespace

std::string created_fields(std::string_view text, const json::value& empty, const type& t) {
  children top;
  each_member(
      text, &empty, [](auto& name) { return is_one_of(of_nobody, name); },
      [&](const std::string& name, std::string_view value, const json::value* old) {
        if (name != "metadata") return one_member(top, name, value, old, t);
        children below;
        auto& metadata = member_type(t, name);
        each_member(
            value, old, [](auto& n) { return is_one_of(of_nobody_in_metadata, n); },
            [&](const std::string& n, std::string_view v, const json::value* o) {
              one_member(below, n, v, o, metadata);
            });
        if (below.empty()) return;
        top.begin(field_key(name));
        below.write(top.text(), false);
        top.end();
      });
  std::string out;
  top.write(out, false);
  return out;
}

} // namespace troupe::patch
