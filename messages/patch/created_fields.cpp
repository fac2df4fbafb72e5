#include "messages/patch/created_fields.hpp"

#include "messages/codec/json_encode.hpp"
#include "messages/codec/wire.hpp"
#include "messages/patch/field_set.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace troupe::patch {

namespace {

using codec::sink;
using schema::form;
using schema::property;
using schema::type;
namespace wire = codec::wire;

constexpr std::string_view of_nobody_in_metadata[] = {
    "name",       "namespace",     "creationTimestamp", "selfLink",   "uid",
    "generation", "managedFields", "resourceVersion",   "clusterName"};

bool belongs_to_nobody(const property& p) {
  auto last = std::end(of_nobody_in_metadata);
  return std::find(std::begin(of_nobody_in_metadata), last, p.name) != last;
}

bool is_list_of_owned(const type& t) {
  return t.what == form::list && kind_of(t) != list_kind::atomic;
}

bool is_map_of_owned(const type& t) { return t.what == form::map && !whole(t); }

/// Writes places below each other as `{"key":below,...}`, children in the order of their keys,
/// which is the order of field sets.
class writer {
public:
  explicit writer(std::string& out, size_t expected) : out_{out, expected} {}

  /// What differs from an object in which nothing was set, where objects that are always there
  /// stood before and belong to nobody new. False if that is nothing.
  bool set_object(const type& t, std::string_view bytes, bool metadata, bool outermost) {
    auto mine = open();
    set_members(t, bytes, metadata, outermost);
    return close(mine, false) || outermost;
  }

private:
  struct child {
    size_t key_begin, key_end; // in keys_
    size_t begin, end;         // in out_
  };
  struct level {
    size_t children, keys, text;
  };

  level open() const { return {children_.size(), keys_.size(), out_.size()}; }

  void begin(std::string_view prefix, std::string_view key) {
    auto at = keys_.size();
    keys_.append(prefix).append(key);
    children_.push_back({at, keys_.size(), out_.size(), 0});
    out_.quoted(std::string_view(keys_).substr(at));
    out_ += ':';
  }
  void begin(const property& p) { begin("f:", p.name); }

  /// Ends the child that was begun when there were `before` of them.
  void end(size_t before) { children_[before].end = out_.size(); }
  void drop(size_t before) {
    out_.cut(children_[before].begin);
    keys_.resize(children_[before].key_begin);
    children_.resize(before);
  }

  std::string_view key(const child& c) const {
    return std::string_view(keys_).substr(c.key_begin, c.key_end - c.key_begin);
  }

  /// Ends a place whose children were begun since `from`; false if there are none.
  bool close(level from, bool self) {
    auto first = children_.begin() + static_cast<std::ptrdiff_t>(from.children);
    std::sort(first, children_.end(), [&](auto& a, auto& b) { return key(a) < key(b); });
    bool any = first != children_.end();
    scratch_.assign(out_.since(from.text));
    out_.cut(from.text);
    out_ += '{';
    if (self && any) out_ += std::string_view("\".\":{},");
    for (auto c = first; c != children_.end(); ++c) {
      if (c != first) out_ += ',';
      out_ += std::string_view(scratch_).substr(c->begin - from.text, c->end - c->begin);
    }
    out_ += '}';
    children_.resize(from.children);
    keys_.resize(from.keys);
    return any;
  }

  /// Calls `each` for every property that has a value in `bytes`, with the reader at the first of
  /// its records, and `absent` for those that are written although they have none; what is inlined
  /// counts as standing here.
  template<class Each, class Absent>
  void members(const type& t, std::string_view bytes, Each& each, Absent& absent) {
    std::array<uint64_t, 2> seen{};
    wire::reader in(bytes);
    for (bool more = in.next(); more;) {
      auto p = t.by_number(in.number);
      auto number = in.number;
      if (number < 128) seen[number / 64] |= uint64_t{1} << number % 64;
      if (!p || (p->zero && in.value == 0 && in.data.empty())) {
        more = in.next();
        continue;
      }
      if (p->inlined) {
        members(*p->type, in.data, each, absent);
        more = in.next();
        continue;
      }
      auto run = in;
      size_t records = 0;
      do {
        ++records;
        more = in.next();
      } while (more && in.number == number);
      each(*p, run, records);
    }
    for (auto* p : t.written_empty()) {
      if (p->number < 128 && seen[p->number / 64] >> p->number % 64 & 1) continue;
      if (p->inlined)
        members(*p->type, {}, each, absent);
      else
        absent(*p);
    }
  }

  void set_members(const type& t, std::string_view bytes, bool metadata, bool outermost) {
    auto each = [&](const property& p, wire::reader& run, size_t records) {
      if (metadata && belongs_to_nobody(p)) return;
      auto before = children_.size();
      begin(p);
      bool is_metadata = outermost && p.number == 1;
      bool any = true;
      if (is_metadata || p.always)
        any = set(p, run, records, is_metadata);
      else
        added(p, run, records);
      any ? end(before) : drop(before);
    };
    auto absent = [](const property&) {}; // as it was
    members(t, bytes, each, absent);
  }

  /// A property that is written even when it is empty: is this more than that?
  bool set(const property& p, wire::reader& run, size_t records, bool metadata) {
    auto& t = *p.type;
    if (t.what == form::object && !whole(t)) return set_object(t, run.data, metadata, false);
    if (is_list_of_owned(t) || is_map_of_owned(t)) {
      collection(t, run, records, false);
      return true;
    }
    if (t.what != form::list && t.what != form::map) {
      text_.clear();
      codec::value_to_json(t, run, text_);
      if (text_ == codec::empty_json(p)) return false;
    }
    out_ += std::string_view("{}");
    return true;
  }

  /// Everything in the value belongs to the set, with every object and list on the way.
  void added(const property& p, wire::reader& run, size_t records) {
    auto& t = *p.type;
    if (is_list_of_owned(t) || is_map_of_owned(t))
      collection(t, run, records, true);
    else
      added(t, run.data);
  }

  void added(const type& t, std::string_view bytes) {
    if (t.what != form::object || whole(t)) return void(out_ += std::string_view("{}"));
    auto mine = open();
    auto each = [&](const property& p, wire::reader& run, size_t records) {
      auto before = children_.size();
      begin(p);
      added(p, run, records);
      end(before);
    };
    auto absent = [&](const property& p) {
      auto before = children_.size();
      begin(p);
      if (p.null)
        out_ += std::string_view("{}");
      else
        added(*p.type, {});
      end(before);
    };
    members(t, bytes, each, absent);
    close(mine, true);
  }

  /// A list of owned elements or a map; itself a member or not.
  void collection(const type& t, wire::reader& run, size_t records, bool self) {
    auto mine = open();
    auto keys = sorted_keys(t);
    for (size_t i = 0; i < records; ++i) {
      if (i > 0) run.next();
      auto before = children_.size();
      if (t.what == form::map) {
        wire::reader in(run.data);
        std::string_view name, content;
        while (in.next()) (in.number == 1 ? name : content) = in.data;
        begin("f:", name);
        added(*t.element, content);
      } else if (kind_of(t) == list_kind::set) {
        text_.clear();
        codec::value_to_json(*t.element, run, text_);
        begin("v:", text_);
        out_ += std::string_view("{}");
      } else {
        spell_key(keys, run.data);
        begin("k:", text_);
        added(*t.element, run.data);
      }
      end(before);
    }
    close(mine, self);
  }

  /// An element's key as element_key() spells it, into text_.
  void spell_key(const std::vector<type::found>& keys, std::string_view element) {
    text_ = '{';
    for (auto& hit : keys) {
      auto where = element;
      for (auto* outer : hit.via)
        if (outer) where = find(where, outer->number).data;
      auto in = find(where, hit.field->number);
      bool there = in.number == hit.field->number;
      if (!there && hit.field->default_json.empty() && !hit.field->always) continue;
      text_ += text_.size() > 1 ? hit.field->comma_key() : hit.field->comma_key().substr(1);
      if (there)
        codec::value_to_json(*hit.field->type, in, text_);
      else
        text_ += hit.field->always ? codec::empty_json(*hit.field)
                                   : std::string_view(hit.field->default_json);
    }
    text_ += '}';
  }

  /// A reader at the field of that number, or at none.
  static wire::reader find(std::string_view bytes, uint32_t number) {
    wire::reader in(bytes);
    while (in.next())
      if (in.number == number) return in;
    return wire::reader({});
  }

  /// The properties that tell the elements of a list apart, by name.
  static std::vector<type::found> sorted_keys(const type& list) {
    std::vector<type::found> out;
    for (auto& name : list.list_keys)
      if (auto hit = list.element->find(name); hit.field) out.push_back(hit);
    std::sort(out.begin(), out.end(),
              [](auto& a, auto& b) { return a.field->name < b.field->name; });
    return out;
  }

  sink out_;
  std::vector<child> children_;
  std::string keys_, scratch_, text_;
};

} // namespace

std::string created_fields(std::string_view wire, const type& t) {
  std::string out;
  writer(out, wire.size()).set_object(t, wire, false, true);
  return out;
}

} // namespace troupe::patch
