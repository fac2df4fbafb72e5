#include "messages/schema/custom.hpp"

#include "messages/api/apiextensions.pb.h"
#include "messages/api/meta.pb.h"
#include "messages/base/versions.hpp"

#include <algorithm>
#include <deque>

namespace troupe::schema {

namespace {

using k8s::apiextensions::v1::CustomResourceDefinition;
using k8s::apiextensions::v1::CustomResourceDefinitionVersion;
using k8s::apiextensions::v1::JSONSchemaProps;

constexpr int depth_max = 200;

json::value tree_of(const k8s::apiextensions::v1::JSON& j) {
  auto v = json::parse(j.raw());
  return v ? std::move(*v) : json::value(nullptr);
}

/// Owns the types of one definition.
class compiler {
public:
  const type& compile(const JSONSchemaProps& s, int depth = 0) {
    auto& t = types_.emplace_back();
    t.limits = std::make_unique<constraints>();
    fill_limits(s, *t.limits, depth);
    t.preserve_unknown = s.x_kubernetes_preserve_unknown_fields();
    t.embedded_resource = s.x_kubernetes_embedded_resource();
    t.nullable = s.nullable();
    t.atomic = s.x_kubernetes_map_type() == "atomic";
    t.what = form_of(s);
    if (depth > depth_max) {
      t.what = form::raw;
      t.preserve_unknown = true;
    } else if (t.what == form::list) {
      t.element = s.has_items() ? &compile(s.items().schema(), depth + 1) : &anything();
      fill_list(s, t);
    } else if (t.what == form::map) {
      t.element = s.additional_properties().has_schema()
                      ? &compile(s.additional_properties().schema(), depth + 1)
                      : &anything();
    } else if (t.what == form::object) {
      fill_object(s, t, depth);
    }
    t.seal();
    return t;
  }

  /// The whole object: what the schema says, with metadata as every object has it.
  const type& root(const JSONSchemaProps* s) {
    auto& t = s ? const_cast<type&>(compile(*s)) : types_.emplace_back();
    if (!s) {
      t.limits = std::make_unique<constraints>();
      t.preserve_unknown = true;
    }
    t.what = form::object;
    t.element = nullptr;
    t.type_meta = true;
    if (s && s->properties().contains("metadata")) narrow_metadata(*s, t);
    std::erase_if(t.properties, [](auto& p) {
      return p.name == "metadata" || p.name == "apiVersion" || p.name == "kind";
    });
    property metadata;
    metadata.name = "metadata";
    metadata.type = &of<k8s::meta::v1::ObjectMeta>();
    t.properties.push_back(std::move(metadata));
    t.seal();
    return t;
  }

private:
  /// What the schema says of the name goes beside the shape, which has metadata of its own.
  void narrow_metadata(const JSONSchemaProps& s, type& root) {
    JSONSchemaProps beside;
    beside.set_type("object");
    (*beside.mutable_properties())["metadata"] = s.properties().at("metadata");
    root.limits->all_of.push_back(&compile(beside, 1));
  }

  static form form_of(const JSONSchemaProps& s) {
    if (s.x_kubernetes_int_or_string()) return form::int_or_string;
    auto& word = s.type();
    if (word == "object") {
      bool free = s.properties().empty() &&
                  (s.additional_properties().has_schema() || s.additional_properties().allows());
      return free ? form::map : form::object;
    }
    if (word == "array") return form::list;
    if (word == "string") return form::string;
    if (word == "integer") return form::int64;
    if (word == "number") return form::real;
    if (word == "boolean") return form::boolean;
    return form::raw;
  }

  const type& anything() {
    auto& t = types_.emplace_back();
    t.what = form::raw;
    t.preserve_unknown = true;
    t.limits = std::make_unique<constraints>();
    return t;
  }

  void fill_list(const JSONSchemaProps& s, type& t) {
    auto& word = s.x_kubernetes_list_type();
    t.list = word == "map" ? list_type::map : word == "set" ? list_type::set : list_type::atomic;
    t.list_keys.assign(s.x_kubernetes_list_map_keys().begin(),
                       s.x_kubernetes_list_map_keys().end());
  }

  void fill_object(const JSONSchemaProps& s, type& t, int depth) {
    // In the order of names: a map has none of its own.
    std::vector<std::string> names;
    for (auto& [name, below] : s.properties()) names.push_back(name);
    std::sort(names.begin(), names.end());
    for (auto& name : names) {
      property p;
      p.name = name;
      p.type = &compile(s.properties().at(name), depth + 1);
      p.required = std::find(s.required().begin(), s.required().end(), name) != s.required().end();
      p.doc = s.properties().at(name).description();
      t.properties.push_back(std::move(p));
    }
    if (t.embedded_resource) t.type_meta = true;
  }

  void fill_limits(const JSONSchemaProps& s, constraints& c, int depth) {
    c.json_type = s.type();
    c.description = s.description();
    if (s.has_default_()) {
      c.default_value = tree_of(s.default_());
      c.has_default = true;
    }
    for (auto& v : s.enum_()) c.allowed.push_back(tree_of(v));
    c.pattern = s.pattern();
    c.format = s.format();
    if ((c.has_minimum = s.has_minimum())) c.minimum = s.minimum();
    if ((c.has_maximum = s.has_maximum())) c.maximum = s.maximum();
    if ((c.has_multiple_of = s.has_multiple_of())) c.multiple_of = s.multiple_of();
    c.exclusive_minimum = s.exclusive_minimum();
    c.exclusive_maximum = s.exclusive_maximum();
    if (s.has_min_length()) c.length_min = s.min_length();
    if (s.has_max_length()) c.length_max = s.max_length();
    if (s.has_min_items()) c.items_min = s.min_items();
    if (s.has_max_items()) c.items_max = s.max_items();
    if (s.has_min_properties()) c.properties_min = s.min_properties();
    if (s.has_max_properties()) c.properties_max = s.max_properties();
    c.unique_items = s.unique_items();
    c.required.assign(s.required().begin(), s.required().end());
    if (depth > depth_max) return;
    for (auto& x : s.all_of()) c.all_of.push_back(&compile(x, depth + 1));
    for (auto& x : s.any_of()) c.any_of.push_back(&compile(x, depth + 1));
    for (auto& x : s.one_of()) c.one_of.push_back(&compile(x, depth + 1));
    if (s.has_not_()) c.none_of = &compile(s.not_(), depth + 1);
  }

  std::deque<type> types_;

public:
  std::string deprecation; ///< what users of the version are told; empty: nothing
};

std::string deprecation_text(const CustomResourceDefinition& d,
                             const CustomResourceDefinitionVersion& v) {
  if (!v.deprecated()) return {};
  if (v.has_deprecation_warning()) return v.deprecation_warning();
  auto named = [&](const std::string& version) {
    return d.spec().group() + "/" + version + " " + d.spec().names().kind();
  };
  const std::string* better = nullptr;
  for (auto& other : d.spec().versions())
    if (other.served() && !other.deprecated() && version_before(other.name(), v.name()) &&
        (!better || version_before(other.name(), *better)))
      better = &other.name();
  return named(v.name()) + " is deprecated" + (better ? "; use " + named(*better) : "");
}

kind describe(const CustomResourceDefinition& d, const CustomResourceDefinitionVersion& v,
              const std::string& stored) {
  auto& names = d.spec().names();
  kind k;
  k.group = d.spec().group();
  k.version = v.name();
  k.name = names.kind();
  k.list_name = names.list_kind().empty() ? names.kind() + "List" : names.list_kind();
  k.plural = names.plural();
  k.singular = names.singular();
  if (k.singular.empty()) {
    k.singular = names.kind();
    for (auto& c : k.singular) c = static_cast<char>(tolower(c));
  }
  k.short_names.assign(names.short_names().begin(), names.short_names().end());
  k.categories.assign(names.categories().begin(), names.categories().end());
  k.verbs = {"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"};
  k.namespaced = d.spec().scope() == "Namespaced";
  k.stored_version = stored;
  auto& subs = v.subresources();
  if (subs.has_status()) k.subresources.push_back({"status", k.name, {"get", "patch", "update"}});
  if (subs.has_scale()) {
    k.subresources.push_back({"scale", "autoscaling/v1.Scale", {"get", "patch", "update"}});
    k.scale_spec_path = subs.scale().spec_replicas_path();
    k.scale_status_path = subs.scale().status_replicas_path();
    k.scale_selector_path = subs.scale().label_selector_path();
  }
  for (auto& c : v.additional_printer_columns())
    k.columns.push_back(
        {c.name(), c.type(), c.format(), c.json_path(),
         c.description().empty()
             ? "Custom resource definition column (in JSONPath format): " + c.json_path()
             : c.description(),
         c.priority()});
  if (k.columns.empty())
    k.columns.push_back({"Age", "date", "", ".metadata.creationTimestamp", "", 0});
  for (auto& f : v.selectable_fields()) k.selectable.push_back(f.json_path());
  auto owner = std::make_shared<compiler>();
  k.shape = &owner->root(v.has_schema() && v.schema().has_openapi_v3_schema()
                             ? &v.schema().openapi_v3_schema()
                             : nullptr);
  k.doc = k.shape->limits->description;
  owner->deprecation = deprecation_text(d, v);
  k.keeps = owner;
  return k;
}

} // namespace

std::vector<kind> custom_kinds(const CustomResourceDefinition& definition) {
  std::vector<kind> out;
  std::string stored;
  for (auto& v : definition.spec().versions())
    if (v.storage()) stored = v.name();
  for (auto& v : definition.spec().versions())
    if (v.served()) out.push_back(describe(definition, v, stored));
  return out;
}

std::string_view deprecation_of(const kind& k) {
  return k.custom() && k.keeps ? static_cast<const compiler*>(k.keeps.get())->deprecation
                               : std::string_view{};
}

} // namespace troupe::schema
