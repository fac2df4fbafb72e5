#include "messages/codec/openapi_schema.hpp"

#include "messages/api/meta.pb.h"

namespace troupe::codec {

namespace {

using json::array;
using json::object;
using json::value;
using schema::form;
using schema::type;

constexpr const char* gvk_key = "x-kubernetes-group-version-kind";

object gvk(const schema::kind& k, const std::string& name) {
  return {{"group", k.group}, {"kind", name}, {"version", k.version}};
}

/// "com.example.v1" of example.com/v1, as definition names begin.
std::string reversed(std::string_view group) {
  std::string out;
  while (!group.empty()) {
    auto dot = group.rfind('.');
    out.append(out.empty() ? "" : ".").append(group.substr(dot == group.npos ? 0 : dot + 1));
    group = dot == group.npos ? std::string_view{} : group.substr(0, dot);
  }
  return out;
}

/// How a strategic merge treats the value, where it is not the usual way.
const char* strategy_word(const schema::type& t) {
  if (t.replace) return "replace";
  if (t.merge) return t.retain_keys ? "merge,retainKeys" : "merge";
  return t.retain_keys ? "retainKeys" : nullptr;
}

const char* list_word(schema::list_type t) {
  switch (t) {
  case schema::list_type::atomic: return "atomic";
  case schema::list_type::set: return "set";
  case schema::list_type::map: return "map";
  case schema::list_type::unset: return nullptr;
  }
  return nullptr;
}

const char* description(form f) {
  switch (f) {
  case form::quantity: return "An amount such as 500m, 2 or 1.5Gi.";
  case form::int_or_string: return "A number, or a string such as a percentage or a port's name.";
  case form::time: return "A time such as 2026-01-31T23:59:59Z.";
  case form::micro_time: return "A time with microseconds.";
  default: return "";
  }
}

} // namespace

std::string definitions::name_of(const schema::kind& k) {
  return k.custom() ? reversed(k.group) + "." + k.version + "." + k.name : k.shape->definition;
}

std::string definitions::list_name_of(const schema::kind& k) { return name_of(k) + "List"; }

object definitions::reference(std::string_view name) const {
  return {{"$ref", (version_ == openapi_version::v2 ? "#/definitions/" : "#/components/schemas/") +
                       std::string(name)}};
}

/// What the schema of a custom kind says besides the shape.
void definitions::narrow(object& o, const type& t) const {
  auto& c = *t.limits;
  if (t.what == form::int32 || t.what == form::int64 || t.what == form::real) o.erase("format");
  if (t.what == form::int_or_string || t.what == form::raw) {
    o.erase("type");
    if (!c.json_type.empty() && t.what == form::raw) o["type"] = c.json_type;
    if (t.what == form::int_or_string) o["x-kubernetes-int-or-string"] = true;
  }
  auto text = [&](const char* key, const std::string& said) {
    if (!said.empty()) o[key] = said;
  };
  auto count = [&](const char* key, int64_t said) {
    if (said >= 0) o[key] = said;
  };
  text("format", c.format);
  text("pattern", c.pattern);
  if (c.has_minimum) o["minimum"] = c.minimum;
  if (c.has_maximum) o["maximum"] = c.maximum;
  if (c.exclusive_minimum) o["exclusiveMinimum"] = true;
  if (c.exclusive_maximum) o["exclusiveMaximum"] = true;
  if (c.has_multiple_of) o["multipleOf"] = c.multiple_of;
  count("minLength", c.length_min);
  count("maxLength", c.length_max);
  count("minItems", c.items_min);
  count("maxItems", c.items_max);
  count("minProperties", c.properties_min);
  count("maxProperties", c.properties_max);
  if (!c.allowed.empty()) o["enum"] = c.allowed;
  // Clients of the old document trip over these.
  if (version_ == openapi_version::v2) return;
  if (c.has_default) o["default"] = c.default_value;
  if (t.nullable) o["nullable"] = true;
}

value definitions::schema_of(const type& t) {
  auto v = shape_of(t);
  if (t.limits) narrow(v.get_object(), t);
  return v;
}

value definitions::shape_of(const type& t) {
  switch (t.what) {
  case form::string: return object{{"type", "string"}};
  case form::bytes: return object{{"type", "string"}, {"format", "byte"}};
  case form::boolean: return object{{"type", "boolean"}};
  case form::int32: return object{{"type", "integer"}, {"format", "int32"}};
  case form::int64: return object{{"type", "integer"}, {"format", "int64"}};
  case form::real: return object{{"type", "number"}, {"format", "double"}};
  case form::list: {
    object o{{"type", "array"}, {"items", schema_of(*t.element)}};
    if (auto word = list_word(t.list)) o["x-kubernetes-list-type"] = word;
    if (!t.list_keys.empty()) {
      array keys;
      for (auto& k : t.list_keys) keys.push_back(value(k));
      o["x-kubernetes-list-map-keys"] = std::move(keys);
    }
    if (auto word = strategy_word(t)) o["x-kubernetes-patch-strategy"] = word;
    if (!t.merge_key.empty()) o["x-kubernetes-patch-merge-key"] = t.merge_key;
    return o;
  }
  case form::map: {
    object o{{"type", "object"}, {"additionalProperties", schema_of(*t.element)}};
    if (t.atomic) o["x-kubernetes-map-type"] = "atomic";
    return o;
  }
  default: break;
  }
  if (t.definition.empty()) return object_of(t);
  define(t);
  return reference(t.definition);
}

object definitions::object_of(const type& t) {
  object o;
  if (!t.name.empty() && t.limits == nullptr) o["description"] = "";
  if (t.limits && !t.limits->description.empty()) o["description"] = t.limits->description;
  o["type"] = "object";
  object properties;
  array required;
  auto collect = [&](auto& self, const type& from) -> void {
    for (auto& p : from.properties) {
      if (p.inlined) {
        self(self, *p.type);
        continue;
      }
      properties[p.name] = property_of(p);
      if (p.required) required.push_back(value(p.name));
    }
  };
  if (t.type_meta) {
    properties["apiVersion"] = object{
        {"description", "The group and version of the object's schema."}, {"type", "string"}};
    properties["kind"] = object{{"description", "The kind of the object."}, {"type", "string"}};
  }
  collect(collect, t);
  if (!properties.empty()) o["properties"] = std::move(properties);
  if (!required.empty()) o["required"] = std::move(required);
  if (t.atomic) o["x-kubernetes-map-type"] = "atomic";
  if (t.preserve_unknown) o["x-kubernetes-preserve-unknown-fields"] = true;
  if (t.embedded_resource) o["x-kubernetes-embedded-resource"] = true;
  return o;
}

value definitions::property_of(const schema::property& p) {
  auto v = schema_of(*p.type);
  auto& o = v.get_object();
  if (auto ref = o.if_contains("$ref")) {
    if (version_ == openapi_version::v2) {
      if (!p.doc.empty()) o["description"] = p.doc;
      if (auto word = strategy_word(*p.type)) o["x-kubernetes-patch-strategy"] = word;
      return v;
    }
    object wrapped{{"allOf", array{value(object{{"$ref", *ref}})}}};
    if (!p.doc.empty()) wrapped["description"] = p.doc;
    if (auto word = strategy_word(*p.type)) wrapped["x-kubernetes-patch-strategy"] = word;
    return wrapped;
  }
  if (!p.doc.empty()) o["description"] = p.doc;
  if (!p.default_json.empty())
    if (auto d = json::parse(p.default_json)) o["default"] = *d;
  if (!p.values.empty()) {
    array all;
    for (auto& w : p.values) all.push_back(value(w));
    o["enum"] = std::move(all);
  }
  return v;
}

void definitions::define(const type& t) {
  if (all_.contains(t.definition)) return;
  all_[t.definition] = nullptr; // a schema may lead back to itself
  auto simple = [&](object o) {
    o["description"] = description(t.what);
    all_[t.definition] = std::move(o);
  };
  switch (t.what) {
  case form::quantity:
    if (version_ == openapi_version::v2) return simple({{"type", "string"}});
    return simple(
        {{"oneOf", array{value(object{{"type", "string"}}), value(object{{"type", "number"}})}}});
  case form::int_or_string:
    if (version_ == openapi_version::v2)
      return simple({{"type", "string"}, {"format", "int-or-string"}});
    return simple(
        {{"format", "int-or-string"},
         {"oneOf", array{value(object{{"type", "integer"}}), value(object{{"type", "string"}})}}});
  case form::time:
  case form::micro_time: return simple({{"type", "string"}, {"format", "date-time"}});
  case form::duration: return simple({{"type", "string"}});
  case form::raw: return simple(t.name == "JSON" ? object{} : object{{"type", "object"}});
  case form::schema_or_bool:
  case form::schema_or_array:
  case form::schema_or_strings: return simple({});
  case form::wrapped_list: {
    auto items = schema_of(*t.properties[0].type);
    all_[t.definition] = std::move(items);
    return;
  }
  default: all_[t.definition] = object_of(t);
  }
}

void definitions::add(const schema::kind& k) {
  auto name = name_of(k);
  if (k.custom()) {
    if (!all_.contains(name)) all_[name] = object_of(*k.shape);
  } else {
    define(*k.shape);
  }
  auto& o = all_[name].get_object();
  o["description"] = k.doc.empty() ? k.name + " of " + k.api_version() + "." : k.doc;
  o[gvk_key] = array{value(gvk(k, k.name))};
  if (!k.has_verb("list")) return;
  auto& meta_type = schema::of<k8s::meta::v1::ListMeta>();
  object properties{{"apiVersion", object{{"type", "string"}}},
                    {"kind", object{{"type", "string"}}},
                    {"metadata", schema_of(meta_type)},
                    {"items", object{{"type", "array"}, {"items", reference(name)}}}};
  all_[list_name_of(k)] = object{{"description", "A list of " + k.name + " objects."},
                                 {"type", "object"},
                                 {"required", array{value("items")}},
                                 {"properties", std::move(properties)},
                                 {gvk_key, array{value(gvk(k, k.list_name))}}};
}

std::string definitions::add_meta(std::string_view name, object schema) {
  auto full = "io.k8s.apimachinery.pkg.apis.meta.v1." + std::string(name);
  all_.try_emplace(full, std::move(schema));
  return full;
}

std::string definitions::add(std::string_view api_version, std::string_view kind) {
  auto message = schema::find_message(api_version, kind);
  if (!message) return {};
  auto& t = schema::of(message);
  define(t);
  auto gv = schema::split_api_version(api_version);
  all_[t.definition].get_object()[gvk_key] =
      array{value(object{{"group", std::string(gv.group)},
                         {"kind", std::string(kind)},
                         {"version", std::string(gv.version)}})};
  return t.definition;
}

} // namespace troupe::codec
