// Structural schemas: which keywords may stand where, so that a custom kind has one shape.
#include "messages/schema/validate/custom.hpp"

#include "messages/api/apiextensions.pb.h"
#include "messages/base/json.hpp"
#include "messages/schema/custom.hpp"
#include "messages/schema/custom_object.hpp"

#include <boost/json/object.hpp>

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace troupe::schema::validate {

namespace {

using schema_of = k8s::apiextensions::v1::JSONSchemaProps;

constexpr size_t pattern_max = 10'000;
constexpr std::array<std::string_view, 6> types{"array",  "boolean", "integer",
                                                "number", "object",  "string"};

bool known_type(std::string_view t) {
  return std::find(types.begin(), types.end(), t) != types.end();
}

/// Keywords that no structural schema has, wherever they stand.
void never(report& out, const path& at, const schema_of& s) {
  if (s.has_ref()) out.forbidden(at / "$ref", "$ref is not supported");
  if (!s.definitions().empty()) out.forbidden(at / "definitions", "definitions is not supported");
  if (!s.dependencies().empty())
    out.forbidden(at / "dependencies", "dependencies is not supported");
  if (!s.pattern_properties().empty())
    out.forbidden(at / "patternProperties", "patternProperties is not supported");
  if (s.has_additional_items())
    out.forbidden(at / "additionalItems", "additionalItems is not supported");
  if (!s.id().empty()) out.forbidden(at / "id", "id is not supported");
  if (s.unique_items())
    out.forbidden(
        at / "uniqueItems",
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
  if (!s.pattern().empty()) {
    RE2::Options quiet;
    quiet.set_log_errors(false);
    if (s.pattern().size() > pattern_max)
      out.too_long(at / "pattern", pattern_max);
    else if (RE2 compiled(s.pattern(), quiet); !compiled.ok())
      out.invalid(at / "pattern", s.pattern(),
                  "must be a valid regular expression, but isn't: " + compiled.error());
  }
  if (s.items().j_son_schemas_size() > 0)
    out.forbidden(at / "items", "items must be a schema object and not an array");
}

/// Below allOf, anyOf, oneOf and not: nothing that says what a value is, only what it may be.
/// `spelled` is a part of how int-or-string is spelled: "anyOf: [{type: integer}, {type: string}]".
void junctor(report& out, const path& at, const schema_of& s, bool spelled);

bool says_only(const schema_of& s, std::string_view type) {
  schema_of plain;
  plain.set_type(std::string(type));
  return same(s, plain);
}

bool int_or_string(const schema_of& s) {
  return s.any_of_size() == 2 && says_only(s.any_of(0), "integer") &&
         says_only(s.any_of(1), "string");
}

void junctors(report& out, const path& at, const schema_of& s, bool spelled_inside) {
  for (int i = 0; i < s.any_of_size(); ++i)
    if (!spelled_inside) junctor(out, at.at("anyOf", i), s.any_of(i), false);
  for (int i = 0; i < s.all_of_size(); ++i)
    junctor(out, at.at("allOf", i), s.all_of(i), i == 0 && int_or_string(s.all_of(i)));
  for (int i = 0; i < s.one_of_size(); ++i) junctor(out, at.at("oneOf", i), s.one_of(i), false);
  if (s.has_not_()) junctor(out, at / "not", s.not_(), false);
}

void junctor(report& out, const path& at, const schema_of& s, bool spelled) {
  constexpr const char* empty = "must be empty to be structural";
  constexpr const char* undefined = "must be undefined to be structural";
  constexpr const char* off = "must be false to be structural";
  auto unset = [&](const char* field, bool set, const char* why) {
    if (set) out.forbidden(at / field, why);
  };
  unset("type", !s.type().empty(), empty);
  unset("additionalProperties", s.has_additional_properties(), undefined);
  unset("default", s.has_default_(), undefined);
  unset("title", !s.title().empty(), empty);
  unset("description", !s.description().empty(), empty);
  unset("nullable", s.nullable(), off);
  unset("externalDocs", s.has_external_docs(), undefined);
  unset("x-kubernetes-preserve-unknown-fields", s.x_kubernetes_preserve_unknown_fields(), off);
  unset("x-kubernetes-embedded-resource", s.x_kubernetes_embedded_resource(), off);
  unset("x-kubernetes-int-or-string", s.x_kubernetes_int_or_string(), off);
  unset("x-kubernetes-list-map-keys", s.x_kubernetes_list_map_keys_size() > 0, empty);
  unset("x-kubernetes-list-type", s.has_x_kubernetes_list_type(), undefined);
  unset("x-kubernetes-map-type", s.has_x_kubernetes_map_type(), undefined);
  unset("x-kubernetes-validations", s.x_kubernetes_validations_size() > 0, empty);
  never(out, at, s);
  if (s.items().has_schema()) junctor(out, at / "items", s.items().schema(), false);
  auto properties = at / "properties";
  for (auto& [name, p] : s.properties()) {
    auto here = properties.key(name);
    junctor(out, here, p, false);
    if (name == "metadata") out.forbidden(here, "must not be specified in a nested context");
  }
  junctors(out, at, s, spelled);
}

/// Every property that a junctor speaks of is declared in the shape.
void declared(report& out, const path& shape_at, const schema_of& shape, const schema_of& part) {
  auto properties = shape_at / "properties";
  for (auto& [name, p] : part.properties()) {
    auto found = shape.properties().find(name);
    auto here = properties.key(name);
    if (found != shape.properties().end())
      declared(out, here, found->second, p);
    else
      out.required(here, "because it is defined in a logical junctor");
  }
  if (part.items().has_schema()) {
    if (shape.items().has_schema())
      declared(out, shape_at / "items", shape.items().schema(), part.items().schema());
    else
      out.required(shape_at / "items", "because it is defined in a logical junctor");
  }
  for (auto* list : {&part.all_of(), &part.any_of(), &part.one_of()})
    for (auto& inner : *list) declared(out, shape_at, shape, inner);
  if (part.has_not_()) declared(out, shape_at, shape, part.not_());
}

/// What the extension is for: a schema of this type.
void needs_type(report& out, const path& at, const schema_of& s, std::string_view type,
                const char* why) {
  if (s.type().empty())
    out.required(at / "type", why);
  else if (s.type() != type)
    out.invalid(at / "type", s.type(), why);
}

void list_extensions(report& out, const path& at, const schema_of& s) {
  auto type_at = at / "x-kubernetes-list-type", keys_at = at / "x-kubernetes-list-map-keys";
  auto& what = s.x_kubernetes_list_type();
  if (s.has_x_kubernetes_list_type()) {
    needs_type(out, at, s, "array", "must be array if x-kubernetes-list-type is specified");
    if (what != "atomic" && what != "set" && what != "map")
      out.not_supported(type_at, what, {"atomic", "set", "map"});
  }
  if (s.x_kubernetes_list_map_keys_size() > 0 && what != "map") {
    constexpr const char* why = "must be map if x-kubernetes-list-map-keys is non-empty";
    if (s.has_x_kubernetes_list_type())
      out.invalid(type_at, what, why);
    else
      out.required(type_at, why);
  }
  if ((what == "set" || what == "map") && s.items().schema().nullable())
    out.forbidden(at / "items.nullable",
                  "cannot be nullable when x-kubernetes-list-type is " + what);
  if (what == "set" && s.items().has_schema()) {
    // Members of a set are compared whole.
    constexpr const char* why = "must be atomic as item of a list with x-kubernetes-list-type=set";
    auto items = at / "items";
    auto& member = s.items().schema();
    if (member.type() == "object" && member.x_kubernetes_map_type() != "atomic")
      out.invalid(items / "x-kubernetes-map-type", member.x_kubernetes_map_type(), why);
    if (member.type() == "array" && member.has_x_kubernetes_list_type() &&
        member.x_kubernetes_list_type() != "atomic")
      out.invalid(items / "x-kubernetes-list-type", member.x_kubernetes_list_type(), why);
  }
  if (what != "map") return;
  if (s.x_kubernetes_list_map_keys().empty())
    out.required(keys_at, "must not be empty if x-kubernetes-list-type is map");
  auto& item = s.items().schema();
  if (!s.has_items())
    return out.required(at / "items", "must have a schema if x-kubernetes-list-type is map");
  if (s.items().has_schema() && item.type() != "object")
    return out.invalid(at / "items.type", item.type(),
                       "must be object if parent array's x-kubernetes-list-type is map");
  auto items = at / "items";
  auto properties = items / "properties";
  std::set<std::string_view> seen;
  for (int i = 0; i < s.x_kubernetes_list_map_keys_size(); ++i) {
    auto& key = s.x_kubernetes_list_map_keys(i);
    bool first = seen.insert(key).second;
    auto found = item.properties().find(key);
    if (found == item.properties().end())
      out.invalid(keys_at, key, "entries must all be names of item properties");
    if (!first) out.invalid(keys_at, key, "must not contain duplicate entries");
    if (found == item.properties().end()) continue;
    auto here = properties.key(key);
    if (found->second.type() == "object" || found->second.type() == "array")
      out.invalid(here / "type", found->second.type(),
                  "must be a scalar type if parent array's x-kubernetes-list-type is map");
    bool needed =
        std::find(item.required().begin(), item.required().end(), key) != item.required().end();
    if (!needed && !found->second.has_default_())
      out.required(here / "default", "this property is in x-kubernetes-list-map-keys, so it must "
                                     "have a default or be a required property");
    if (found->second.nullable())
      out.forbidden(here / "nullable",
                    "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
  }
}

void map_extensions(report& out, const path& at, const schema_of& s) {
  if (!s.has_x_kubernetes_map_type()) return;
  needs_type(out, at, s, "object", "must be object if x-kubernetes-map-type is specified");
  if (s.x_kubernetes_map_type() != "atomic" && s.x_kubernetes_map_type() != "granular")
    out.not_supported(at / "x-kubernetes-map-type", s.x_kubernetes_map_type(),
                      {"atomic", "granular"});
}

void shape_extensions(report& out, const path& at, const schema_of& s) {
  if (s.has_x_kubernetes_preserve_unknown_fields() && !s.x_kubernetes_preserve_unknown_fields())
    out.invalid(at / "x-kubernetes-preserve-unknown-fields", false, "must be true or undefined");
  if (s.x_kubernetes_int_or_string()) {
    constexpr const char* why = "must be false if x-kubernetes-int-or-string is true";
    if (s.x_kubernetes_preserve_unknown_fields())
      out.invalid(at / "x-kubernetes-preserve-unknown-fields", true, why);
    if (s.x_kubernetes_embedded_resource())
      out.invalid(at / "x-kubernetes-embedded-resource", true, why);
  }
  if (!s.x_kubernetes_embedded_resource()) return;
  needs_type(out, at, s, "object", "must be object if x-kubernetes-embedded-resource is true");
  if (s.has_additional_properties())
    out.forbidden(at / "additionalProperties",
                  "must not be used if x-kubernetes-embedded-resource is set");
  if (s.properties().empty() && !s.x_kubernetes_preserve_unknown_fields())
    out.required(at / "properties", "must not be empty if x-kubernetes-embedded-resource is true "
                                    "without x-kubernetes-preserve-unknown-fields");
}

void rules(report& out, const path& at, const schema_of& s) {
  for (int i = 0; i < s.x_kubernetes_validations_size(); ++i) {
    auto here = at.at("x-kubernetes-validations", i);
    auto& r = s.x_kubernetes_validations(i);
    if (r.rule().find_first_not_of(" \t\r\n") == std::string::npos)
      out.required(here / "rule", "rule is not specified");
    if (r.has_message() && r.message().find_first_not_of(" \t\r\n") == std::string::npos)
      out.invalid(here / "message", r.message(), "message must be non-empty if specified");
    if (r.message().find('\n') != std::string::npos)
      out.invalid(here / "message", r.message(), "message must not contain line breaks");
    if (r.has_reason())
      out.one_of(here / "reason", r.reason(),
                 {"FieldValueRequired", "FieldValueDuplicate", "FieldValueInvalid",
                  "FieldValueForbidden"});
  }
}

/// A default must be what its own schema asks for, and nothing that it does not know.
void fitting_default(report& out, const path& at, const schema_of& s) {
  if (!s.has_default_()) return;
  // The same schema one level down, so that any value can stand there.
  constexpr std::string_view member = "v";
  k8s::apiextensions::v1::CustomResourceDefinition around;
  auto& version = *around.mutable_spec()->add_versions();
  version.set_served(true);
  version.set_storage(true);
  auto& root = *version.mutable_schema()->mutable_openapi_v3_schema();
  root.set_type("object");
  (*root.mutable_properties())[std::string(member)] = s;
  (*root.mutable_properties())[std::string(member)].clear_default_();
  auto kinds = schema::custom_kinds(around);
  auto value = json::parse(s.default_().raw());
  if (kinds.empty() || !value) return;
  json::object holder;
  holder[member] = *value;
  for (auto& c : validate_custom(holder, *kinds.front().shape)) {
    auto field = "default" + (c.field.size() > member.size() ? c.field.substr(member.size()) : "");
    if (c.reason == "FieldValueRequired")
      out.required(at / field, c.message);
    else
      out.invalid(at / field, s.default_().raw(), c.message);
  }
  if (!prune(holder, *kinds.front().shape).empty())
    out.invalid(at / "default", s.default_().raw(), "must not have unknown fields");
}

void shape(report& out, const path& at, const schema_of& s, bool root);

/// The server knows what objects have in common: a schema may say little about it.
void metadata_of(report& out, const path& at, const std::string& name, const schema_of& s,
                 bool root) {
  bool metadata = name == "metadata";
  if (!metadata && name != "apiVersion" && name != "kind") return;
  if (root && s.has_default_())
    out.forbidden(at / "default", "must not be set in top-level " + name);
  if (s.type() != (metadata ? "object" : "string"))
    out.invalid(at / "type", s.type(), metadata ? "must be object" : "must be string");
  if (!root || !metadata) return;
  // It may narrow the name, and nothing else.
  auto rest = s;
  rest.clear_type(), rest.clear_default_(), rest.clear_description();
  rest.mutable_properties()->erase("name");
  rest.mutable_properties()->erase("generateName");
  if (!same(rest, schema_of()))
    out.forbidden(at, "must not specify anything other than name and generateName, but metadata is "
                      "implicitly specified");
}

void objects(report& out, const path& at, const schema_of& s, bool root) {
  auto additional = at / "additionalProperties";
  if (s.has_additional_properties()) {
    auto& a = s.additional_properties();
    if (root) out.forbidden(additional, "must not be used at the root");
    if (!s.properties().empty() && (a.has_schema() || !a.allows()))
      out.forbidden(additional, "additionalProperties and properties are mutual exclusive");
    if (a.has_schema()) shape(out, additional, a.schema(), false);
  }
  auto properties = at / "properties";
  for (auto& [name, p] : s.properties()) {
    auto here = properties.key(name);
    if (root || s.x_kubernetes_embedded_resource()) metadata_of(out, here, name, p, root);
    shape(out, here, p, false);
  }
}

void shape(report& out, const path& at, const schema_of& s, bool root) {
  auto type = at / "type";
  bool free = s.x_kubernetes_int_or_string() || s.x_kubernetes_preserve_unknown_fields();
  if (root && s.type() != "object") {
    if (s.type().empty())
      out.required(type, "must not be empty at the root");
    else
      out.invalid(type, s.type(), "must be object at the root");
  } else if (s.type().empty()) {
    if (!free && !s.x_kubernetes_embedded_resource())
      out.required(type, "must not be empty for specified object fields and array items");
  } else if (!known_type(s.type())) {
    out.not_supported(type, s.type(),
                      {"array", "boolean", "integer", "number", "object", "string"});
  }
  if (root && s.nullable()) out.forbidden(at / "nullable", "nullable cannot be true at the root");
  if (root && s.has_default_()) out.forbidden(at / "default", "must not be set at the root");
  if (!root) fitting_default(out, at, s);
  never(out, at, s);
  shape_extensions(out, at, s);
  list_extensions(out, at, s);
  map_extensions(out, at, s);
  rules(out, at, s);
  if (s.type() == "array" && !s.items().has_schema() && s.items().j_son_schemas().empty())
    out.required(at / "items", "must be specified");
  if (s.items().has_schema()) shape(out, at / "items", s.items().schema(), false);
  objects(out, at, s, root);
  junctors(out, at, s, int_or_string(s));
  for (auto* list : {&s.all_of(), &s.any_of(), &s.one_of()})
    for (auto& part : *list) declared(out, at, s, part);
  if (s.has_not_()) declared(out, at, s, s.not_());
}

/// The status has its own door, so the schema of the whole says nothing that spans both.
void beside_status(report& out, const path& at, const schema_of& s) {
  if (!s.type().empty() && s.type() != "object")
    return out.invalid(at / "type", s.type(),
                       "only \"object\" is allowed as the type at the root of the schema if the "
                       "status subresource is enabled");
  bool spans = !s.id().empty() || s.has_ref() || s.nullable() || s.has_default_() ||
               s.enum__size() > 0 || s.has_max_properties() || s.has_min_properties() ||
               s.all_of_size() > 0 || s.any_of_size() > 0 || s.one_of_size() > 0 || s.has_not_() ||
               s.has_additional_properties() || s.has_additional_items() ||
               !s.pattern_properties().empty() || !s.dependencies().empty() ||
               !s.definitions().empty() || s.x_kubernetes_embedded_resource() ||
               s.x_kubernetes_int_or_string() || s.x_kubernetes_list_map_keys_size() > 0 ||
               s.has_x_kubernetes_list_type() || s.has_x_kubernetes_map_type();
  if (spans)
    out.invalid(at, "",
                "only [Description Type Format Title Maximum ExclusiveMaximum Minimum "
                "ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems "
                "MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields "
                "XValidations] fields are allowed at the root of the schema if the status "
                "subresource is enabled");
}

} // namespace

void custom_schema(report& out, const path& at, const schema_of& s, bool has_status) {
  if (has_status) beside_status(out, at, s);
  shape(out, at, s, true);
}

} // namespace troupe::schema::validate
