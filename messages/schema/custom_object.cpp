#include "messages/schema/custom_object.hpp"

#include "messages/schema/text_format.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace troupe::schema {

namespace {

constexpr size_t pruned_paths_max = 64;
constexpr size_t causes_max = 64;

bool reserved(const type& t, std::string_view key) {
  return t.type_meta && (key == "apiVersion" || key == "kind" || key == "metadata");
}

std::string joined(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

void prune_value(json::value& v, const type& t, const std::string& path,
                 std::vector<std::string>& gone);

void prune_object(json::object& o, const type& t, const std::string& path,
                  std::vector<std::string>& gone) {
  std::vector<std::string> unknown;
  for (auto& [key, v] : o) {
    if (reserved(t, key)) continue;
    auto where = joined(path, key);
    if (t.what == form::map)
      prune_value(v, *t.element, where, gone);
    else if (auto child = t.child(key))
      prune_value(v, *child, where, gone);
    else if (!t.preserve_unknown)
      unknown.emplace_back(key);
  }
  for (auto& key : unknown) {
    o.erase(key);
    if (gone.size() < pruned_paths_max) gone.push_back(joined(path, key));
  }
}

void prune_value(json::value& v, const type& t, const std::string& path,
                 std::vector<std::string>& gone) {
  if (t.message) return; // metadata: decoded by its own schema
  if (auto o = v.if_object()) {
    if (t.what == form::raw && t.preserve_unknown) return;
    prune_object(*o, t, path, gone);
  } else if (auto a = v.if_array(); a && t.element) {
    for (size_t i = 0; i < a->size(); ++i)
      prune_value((*a)[i], *t.element, path + "[" + std::to_string(i) + "]", gone);
  }
}

void default_value(json::value& v, const type& t);

void default_object(json::object& o, const type& t) {
  if (t.what == form::map) {
    for (auto& [key, v] : o) default_value(v, *t.element);
    return;
  }
  for (auto& p : t.properties) {
    if (p.type->message || !p.type->limits) continue;
    auto found = o.if_contains(p.name);
    auto& limits = *p.type->limits;
    if (found && found->is_null() && !p.type->nullable) {
      if (!limits.has_default) {
        o.erase(p.name);
        continue;
      }
      *found = limits.default_value;
    }
    if (!found && limits.has_default) o[p.name] = limits.default_value;
    if (auto v = o.if_contains(p.name)) default_value(*v, *p.type);
  }
}

void default_value(json::value& v, const type& t) {
  if (t.message) return;
  if (auto o = v.if_object())
    default_object(*o, t);
  else if (auto a = v.if_array(); a && t.element)
    for (auto& e : *a) default_value(e, *t.element);
}

const char* kind_word(const json::value& v) {
  switch (v.kind()) {
  case boost::json::kind::null: return "null";
  case boost::json::kind::bool_: return "boolean";
  case boost::json::kind::int64:
  case boost::json::kind::uint64: return "integer";
  case boost::json::kind::double_: return "number";
  case boost::json::kind::string: return "string";
  case boost::json::kind::array: return "array";
  case boost::json::kind::object: return "object";
  }
  return "value";
}

bool whole(const json::value& v) {
  if (v.is_int64() || v.is_uint64()) return true;
  auto d = v.if_double();
  return d && std::trunc(*d) == *d;
}

double real(const json::value& v) {
  if (auto i = v.if_int64()) return static_cast<double>(*i);
  if (auto u = v.if_uint64()) return static_cast<double>(*u);
  return v.get_double();
}

size_t characters(std::string_view text) {
  size_t n = 0;
  for (unsigned char c : text) n += (c & 0xc0) != 0x80;
  return n;
}

class validator {
public:
  std::vector<cause> causes;

  /// `old` is what stood there before, null if nothing did: what stays as it was is not judged.
  void value(const json::value& v, const type& t, const std::string& path, const std::string& named,
             const json::value* old = nullptr) {
    if (causes.size() >= causes_max || t.message || !t.limits) return;
    if (old && *old == v) return;
    auto& c = *t.limits;
    if (v.is_null() && t.nullable) return;
    if (!has_type(v, t)) {
      add("FieldValueTypeInvalid", named,
          "Invalid value: \"" + std::string(kind_word(v)) + "\": " + named +
              " in body must be of type " +
              (t.what == form::int_or_string ? "integer or string" : c.json_type) + ": \"" +
              kind_word(v) + "\"");
      return;
    }
    if (!c.allowed.empty() && std::find(c.allowed.begin(), c.allowed.end(), v) == c.allowed.end()) {
      std::string all;
      for (auto& a : c.allowed) all.append(all.empty() ? "" : ", ").append(json::write(a));
      add("FieldValueNotSupported", path,
          "Unsupported value: " + json::write(v) + ": supported values: " + all);
    }
    if (v.is_number()) number(v, c, path);
    if (auto s = v.if_string()) string(*s, c, path);
    if (auto a = v.if_array()) list(*a, t, path, old ? old->if_array() : nullptr);
    if (auto o = v.if_object()) object(*o, t, path, old ? old->if_object() : nullptr);
    combinations(v, c, path);
  }

private:
  void add(const char* reason, const std::string& field, std::string message) {
    if (causes.size() < causes_max) causes.push_back({reason, std::move(message), field});
  }
  void invalid(const std::string& path, const json::value& v, const std::string& why) {
    add("FieldValueInvalid", path,
        "Invalid value: " + json::write(v) + ": " + path + " in body " + why);
  }

  static bool has_type(const json::value& v, const type& t) {
    if (t.what == form::int_or_string) return v.is_string() || whole(v);
    auto& word = t.limits->json_type;
    if (word.empty()) return true;
    if (word == "integer") return v.is_number() && whole(v);
    if (word == "number") return v.is_number();
    return word == kind_word(v);
  }

  void number(const json::value& v, const constraints& c, const std::string& path) {
    auto n = real(v);
    if (c.has_minimum && (c.exclusive_minimum ? n <= c.minimum : n < c.minimum))
      invalid(path, v,
              std::string("should be greater than ") + (c.exclusive_minimum ? "" : "or equal to ") +
                  text_of(c.minimum));
    if (c.has_maximum && (c.exclusive_maximum ? n >= c.maximum : n > c.maximum))
      invalid(path, v,
              std::string("should be less than ") + (c.exclusive_maximum ? "" : "or equal to ") +
                  text_of(c.maximum));
    if (c.has_multiple_of && c.multiple_of > 0) {
      auto parts = n / c.multiple_of;
      if (std::fabs(parts - std::round(parts)) > 1e-9)
        invalid(path, v, "should be a multiple of " + text_of(c.multiple_of));
    }
  }

  static std::string text_of(double n) {
    std::string out;
    json::write_number(out, n);
    return out;
  }

  void string(std::string_view s, const constraints& c, const std::string& path) {
    auto size = static_cast<int64_t>(characters(s));
    if (c.length_max >= 0 && size > c.length_max)
      add("FieldValueTooLong", path,
          "Too long: may not be more than " + std::to_string(c.length_max) + " characters");
    if (c.length_min >= 0 && size < c.length_min)
      invalid(path, json::value(s),
              "should be at least " + std::to_string(c.length_min) + " chars long");
    if (!c.pattern.empty()) {
      re2::RE2::Options quiet;
      quiet.set_log_errors(false);
      re2::RE2 pattern(c.pattern, quiet);
      if (pattern.ok() && !re2::RE2::PartialMatch(re2::StringPiece(s.data(), s.size()), pattern))
        invalid(path, json::value(s), "should match '" + c.pattern + "'");
    }
    if (!c.format.empty() && !fits_format(c.format, s))
      invalid(path, json::value(s), "must be of type " + c.format + ": \"" + std::string(s) + "\"");
  }

  static std::string key_of(const json::value& item, const type& t) {
    std::string key;
    for (auto& k : t.list_keys) {
      auto found = json::find(item, k);
      key += k + "=" + (found ? json::write(*found) : "") + ";";
    }
    return key;
  }

  void list(const json::array& a, const type& t, const std::string& path, const json::array* old) {
    auto& c = *t.limits;
    auto size = static_cast<int64_t>(a.size());
    if (c.items_max >= 0 && size > c.items_max)
      add("FieldValueTooMany", path,
          "Too many: " + std::to_string(size) + ": must have at most " +
              std::to_string(c.items_max) + " items");
    if (c.items_min >= 0 && size < c.items_min)
      invalid(path, json::value(size),
              "should have at least " + std::to_string(c.items_min) + " items");
    bool set = t.list == list_type::set || c.unique_items;
    std::set<std::string> seen;
    for (size_t i = 0; i < a.size(); ++i) {
      auto here = path + "[" + std::to_string(i) + "]";
      std::string key;
      if (set) key = json::write(a[i]);
      if (t.list == list_type::map && a[i].is_object()) key = key_of(a[i], t);
      if ((set || t.list == list_type::map) && !seen.insert(key).second)
        add("FieldValueDuplicate", here, "Duplicate value: " + json::write(a[i]));
      // Only members of maps can be told again.
      auto before =
          t.list == list_type::map && old
              ? std::find_if(old->begin(), old->end(), [&](auto& x) { return key_of(x, t) == key; })
              : json::array::const_iterator{};
      bool known = t.list == list_type::map && old && before != old->end();
      if (t.element)
        value(a[i], *t.element, here, a[i].is_object() ? here : path, known ? &*before : nullptr);
    }
  }

  void object(const json::object& o, const type& t, const std::string& path,
              const json::object* old) {
    auto& c = *t.limits;
    auto size = static_cast<int64_t>(o.size());
    if (c.properties_max >= 0 && size > c.properties_max)
      add("FieldValueTooMany", path,
          "Too many: " + std::to_string(size) + ": must have at most " +
              std::to_string(c.properties_max) + " properties");
    if (c.properties_min >= 0 && size < c.properties_min)
      invalid(path, json::value(size),
              "should have at least " + std::to_string(c.properties_min) + " properties");
    for (auto& name : c.required)
      if (!o.contains(name) && !reserved(t, name))
        add("FieldValueRequired", joined(path, name), "Required value");
    if (t.embedded_resource)
      for (auto name : {"apiVersion", "kind"}) {
        auto found = o.if_contains(name);
        if (!found || !found->is_string() || found->get_string().empty())
          add("FieldValueRequired", joined(path, name), "Required value: must not be empty");
      }
    for (auto& [key, v] : o) {
      auto here = joined(path, key);
      auto before = old ? old->if_contains(key) : nullptr;
      if (t.what == form::map)
        value(v, *t.element, here, here, before);
      else if (auto child = t.child(key))
        value(v, *child, here, here, before);
    }
  }

  static bool fits(const json::value& v, const type& t) {
    validator inner;
    inner.value(v, t, {}, {});
    return inner.causes.empty();
  }

  void combinations(const json::value& v, const constraints& c, const std::string& path) {
    for (auto t : c.all_of) value(v, *t, path, path);
    auto count = [&](const std::vector<const type*>& all) {
      size_t n = 0;
      for (auto t : all) n += fits(v, *t);
      return n;
    };
    if (!c.any_of.empty() && count(c.any_of) == 0)
      invalid(path, json::value(kind_word(v)), "must validate at least one schema (anyOf)");
    if (!c.one_of.empty() && count(c.one_of) != 1)
      invalid(path, json::value(kind_word(v)), "must validate one and only one schema (oneOf)");
    if (c.none_of && fits(v, *c.none_of))
      invalid(path, json::value(kind_word(v)), "must not validate the schema (not)");
  }
};

} // namespace

std::vector<std::string> prune(json::object& object, const type& t) {
  std::vector<std::string> gone;
  prune_object(object, t, {}, gone);
  return gone;
}

void set_custom_defaults(json::object& object, const type& t) { default_object(object, t); }

bool has_defaults(const type& t) {
  if (t.message) return false;
  if (t.limits && t.limits->has_default) return true;
  if (t.element && has_defaults(*t.element)) return true;
  return std::any_of(t.properties.begin(), t.properties.end(),
                     [](auto& p) { return has_defaults(*p.type); });
}

std::vector<cause> validate_custom(const json::object& object, const type& t,
                                   const json::object* old) {
  validator v;
  if (!old) {
    v.value(json::value(object), t, {}, {});
  } else {
    json::value before(*old);
    v.value(json::value(object), t, {}, {}, &before);
  }
  return std::move(v.causes);
}

} // namespace troupe::schema
