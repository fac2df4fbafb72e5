#include "messages/codec/openapi.hpp"

#include "messages/api/openapi_v2.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/openapi_paths.hpp"

#include <functional>
#include <set>

namespace troupe::codec {

namespace {

using json::array;
using json::object;
using json::value;

void add_common(definitions& known) {
  for (auto name :
       {"DeleteOptions", "Status", "APIGroup", "APIGroupList", "APIResourceList", "APIVersions"})
    known.add("v1", name);
}

object components(const definitions& known) {
  object out;
  for (auto& [name, definition] : known.all()) out[name] = definition;
  return out;
}

object info() { return {{"title", "Kubernetes"}, {"version", "v1.36.0"}}; }

std::set<std::string> group_paths(const schema::registry& kinds) {
  std::set<std::string> out;
  for (auto& k : kinds.all()) out.insert(root_path(k).substr(1));
  return out;
}

object v2_tree(const schema::registry& kinds) {
  definitions known(openapi_version::v2);
  add_common(known);
  object paths;
  for (auto& k : kinds.all()) known.add(k);
  for (auto& k : kinds.all()) add_paths(openapi_version::v2, k, known, paths);
  return {{"swagger", "2.0"},
          {"info", info()},
          {"paths", std::move(paths)},
          {"definitions", components(known)}};
}

// The Protobuf form: the parts that clients read (definitions, and the operations with their
// kinds).

namespace v2 = openapi::v2;

void extension(google::protobuf::RepeatedPtrField<v2::NamedAny>& to, std::string_view name,
               const value& v) {
  auto& e = *to.Add();
  e.set_name(std::string(name));
  e.mutable_value()->set_yaml(json::write(v) + "\n"); // JSON is YAML
}

void fill(v2::Schema& to, const object& from);

void fill_item(v2::SchemaItem& to, const value& v) {
  if (auto o = v.if_object()) fill(*to.mutable_schema(), *o);
}

void fill(v2::Schema& to, const object& from) {
  for (auto& [key, v] : from) {
    if (key == "$ref")
      to.set__ref(std::string(v.get_string()));
    else if (key == "description")
      to.set_description(std::string(v.get_string()));
    else if (key == "format")
      to.set_format(std::string(v.get_string()));
    else if (key == "type" && v.is_string())
      to.mutable_type()->add_value(std::string(v.get_string()));
    else if (key == "items")
      to.mutable_items()->add_schema(),
          fill(*to.mutable_items()->mutable_schema(0), v.get_object());
    else if (key == "required")
      for (auto& r : v.get_array()) to.add_required(std::string(r.get_string()));
    else if (key == "additionalProperties")
      fill(*to.mutable_additional_properties()->mutable_schema(), v.get_object());
    else if (key == "properties") {
      for (auto& [name, p] : v.get_object()) {
        auto& named = *to.mutable_properties()->add_additional_properties();
        named.set_name(std::string(name));
        fill(*named.mutable_value(), p.get_object());
      }
    } else if (std::string_view(key).starts_with("x-"))
      extension(*to.mutable_vendor_extension(), key, v);
  }
}

void fill(v2::Operation& to, const object& from) {
  to.set_operation_id(std::string(from.at("operationId").get_string()));
  to.set_description(std::string(from.at("description").get_string()));
  for (auto& c : from.at("consumes").get_array()) to.add_consumes(std::string(c.get_string()));
  for (auto& c : from.at("produces").get_array()) to.add_produces(std::string(c.get_string()));
  if (auto all = from.if_contains("parameters"))
    for (auto& p : all->get_array()) {
      auto& o = p.get_object();
      auto& parameter = *to.add_parameters()->mutable_parameter();
      if (o.at("in").get_string() == "body") {
        auto& body = *parameter.mutable_body_parameter();
        body.set_name("body");
        body.set_in("body");
        body.set_required(true);
        fill(*body.mutable_schema(), o.at("schema").get_object());
      } else {
        auto& q = *parameter.mutable_non_body_parameter()->mutable_query_parameter_sub_schema();
        q.set_name(std::string(o.at("name").get_string()));
        q.set_in("query");
        q.set_type(std::string(o.at("type").get_string()));
      }
    }
  for (auto& [code, r] : from.at("responses").get_object()) {
    auto& named = *to.mutable_responses()->add_response_code();
    named.set_name(std::string(code));
    auto& response = *named.mutable_value()->mutable_response();
    response.set_description(std::string(r.get_object().at("description").get_string()));
    if (auto s = r.get_object().if_contains("schema")) fill_item(*response.mutable_schema(), *s);
  }
  for (auto& [key, v] : from)
    if (std::string_view(key).starts_with("x-")) extension(*to.mutable_vendor_extension(), key, v);
}

} // namespace

std::string document_hash(std::string_view text) {
  // Two independent 64-bit hashes: an identity for caches, not a secret.
  auto one = std::hash<std::string_view>{}(text);
  uint64_t two = 14695981039346656037ull;
  for (unsigned char c : text) two = (two ^ c) * 1099511628211ull;
  char out[33];
  snprintf(out, sizeof out, "%016zX%016llX", one, static_cast<unsigned long long>(two));
  return out;
}

std::string openapi_v3_index(const schema::registry& kinds) {
  object paths;
  for (auto& path : group_paths(kinds))
    paths[path] =
        object{{"serverRelativeURL",
                "/openapi/v3/" + path + "?hash=" + document_hash(*openapi_v3(kinds, path))}};
  return json::write(value(object{{"paths", std::move(paths)}}));
}

std::optional<std::string> openapi_v3(const schema::registry& kinds, std::string_view path) {
  definitions known(openapi_version::v3);
  object paths;
  add_common(known);
  bool any = false;
  for (auto& k : kinds.all())
    if (root_path(k).substr(1) == path) {
      known.add(k);
      any = true;
    }
  if (!any) return {};
  for (auto& k : kinds.all())
    if (root_path(k).substr(1) == path) add_paths(openapi_version::v3, k, known, paths);
  return json::write(value(object{{"openapi", "3.0.0"},
                                  {"info", info()},
                                  {"paths", std::move(paths)},
                                  {"components", object{{"schemas", components(known)}}}}));
}

std::string openapi_v2_json(const schema::registry& kinds) {
  return json::write(value(v2_tree(kinds)));
}

std::string openapi_v2_protobuf(const schema::registry& kinds) {
  auto tree = v2_tree(kinds);
  v2::Document d;
  d.set_swagger("2.0");
  d.mutable_info()->set_title("Kubernetes");
  d.mutable_info()->set_version("v1.36.0");
  for (auto& [path, item] : tree.at("paths").get_object()) {
    auto& named = *d.mutable_paths()->add_path();
    named.set_name(std::string(path));
    auto& to = *named.mutable_value();
    for (auto& [method, operation] : item.get_object()) {
      if (method == "get") fill(*to.mutable_get(), operation.get_object());
      if (method == "put") fill(*to.mutable_put(), operation.get_object());
      if (method == "post") fill(*to.mutable_post(), operation.get_object());
      if (method == "patch") fill(*to.mutable_patch(), operation.get_object());
      if (method == "delete") fill(*to.mutable_delete_(), operation.get_object());
    }
  }
  for (auto& [name, definition] : tree.at("definitions").get_object()) {
    auto& named = *d.mutable_definitions()->add_additional_properties();
    named.set_name(std::string(name));
    fill(*named.mutable_value(), definition.get_object());
  }
  return to_wire(d);
}

} // namespace troupe::codec
