#include "messages/codec/openapi.hpp"

#include "messages/api/openapi_v2.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/openapi_schema.hpp"

#include <algorithm>
#include <functional>
#include <set>

namespace troupe::codec {

namespace {

using json::array;
using json::object;
using json::value;
using schema::kind;

std::string root_of(const kind& k) {
  return k.group.empty() ? "/api/" + k.version : "/apis/" + k.group + "/" + k.version;
}

/// The paths of a kind: its collection, its objects, its subresources.
struct place {
  std::string path;
  bool collection;
  const schema::subresource* sub;
};

std::vector<place> places(const kind& k) {
  auto collection = root_of(k) + (k.namespaced ? "/namespaces/{namespace}/" : "/") + k.plural;
  std::vector<place> out{{collection, true, nullptr}, {collection + "/{name}", false, nullptr}};
  if (k.namespaced && k.has_verb("list"))
    out.push_back({root_of(k) + "/" + k.plural, true, nullptr});
  for (auto& s : k.subresources) out.push_back({collection + "/{name}/" + s.name, false, &s});
  return out;
}

object parameter(openapi_version version, const char* name, const char* in, const char* type) {
  object o{{"name", name}, {"in", in}};
  if (std::string_view(in) == "path") o["required"] = true;
  if (version == openapi_version::v2) {
    o["type"] = type;
    o["uniqueItems"] = true;
  } else {
    o["schema"] = object{{"type", type}, {"uniqueItems", true}};
  }
  return o;
}

/// How one HTTP method is described.
class describer {
public:
  describer(openapi_version version, definitions& known) : version_{version}, known_{known} {}

  object operation(const kind& k, const place& at, const char* verb, const char* action) {
    object o{{"description", std::string(action) + " " + k.name},
             {"operationId", operation_id(k, at, verb)}};
    auto spoken = spoken_at(k, at);
    object gvk{{"group", spoken.group}, {"kind", spoken.kind}, {"version", spoken.version}};
    array parameters;
    std::string_view method = verb;
    if (method != "get") {
      for (auto name : {"dryRun", "fieldManager", "fieldValidation"})
        if (method != "delete" || std::string_view(name) == "dryRun")
          parameters.push_back(parameter(version_, name, "query", "string"));
      if (method == "patch") parameters.push_back(parameter(version_, "force", "query", "boolean"));
    } else if (at.collection) {
      for (auto name : {"labelSelector", "fieldSelector", "continue", "resourceVersion",
                        "resourceVersionMatch"})
        parameters.push_back(parameter(version_, name, "query", "string"));
      for (auto name : {"limit", "timeoutSeconds"})
        parameters.push_back(parameter(version_, name, "query", "integer"));
      for (auto name : {"watch", "allowWatchBookmarks", "sendInitialEvents"})
        parameters.push_back(parameter(version_, name, "query", "boolean"));
    }
    if (!spoken.definition.empty() && (method == "post" || method == "put" || method == "patch")) {
      auto content =
          method == "patch" ? object{{"type", "object"}} : known_.reference(spoken.definition);
      if (version_ == openapi_version::v2)
        parameters.push_back(
            object{{"in", "body"}, {"name", "body"}, {"required", true}, {"schema", content}});
      else
        o["requestBody"] =
            object{{"content", object{{method == "patch" ? "application/strategic-merge-patch+json"
                                                         : "application/json",
                                       object{{"schema", content}}}}}};
    }
    if (!parameters.empty()) o["parameters"] = std::move(parameters);
    object ok{{"description", "OK"}};
    auto answer =
        spoken.definition.empty()             ? object{{"type", "string"}}
        : at.collection && method == "get"    ? known_.reference(definitions::list_name_of(k))
        : at.collection && method == "delete" ? known_.reference(known_.add("v1", "Status"))
                                              : known_.reference(spoken.definition);
    if (version_ == openapi_version::v2)
      ok["schema"] = answer;
    else
      ok["content"] = object{
          {spoken.definition.empty() ? "*/*" : "application/json", object{{"schema", answer}}}};
    o["responses"] =
        object{{"200", std::move(ok)}, {"401", object{{"description", "Unauthorized"}}}};
    o["x-kubernetes-action"] = action;
    o["x-kubernetes-group-version-kind"] = std::move(gvk);
    if (version_ == openapi_version::v2) {
      o["consumes"] = array{value("*/*")};
      o["produces"] = array{value("application/json"), value("application/yaml"),
                            value("application/vnd.kubernetes.protobuf")};
      o["schemes"] = array{value("https")};
    }
    return o;
  }

  void add(const kind& k, object& paths) {
    struct row {
      const char* method;
      const char* verb;
      const char* action;
      bool collection;
    };
    static constexpr row rows[] = {{"get", "list", "list", true},
                                   {"post", "create", "post", true},
                                   {"delete", "deletecollection", "deletecollection", true},
                                   {"get", "get", "get", false},
                                   {"put", "update", "put", false},
                                   {"patch", "patch", "patch", false},
                                   {"delete", "delete", "delete", false},
                                   {"post", "create", "post", false},
                                   {"get", "connect", "connect", false},
                                   {"post", "connect", "connect", false}};
    for (auto& at : places(k)) {
      auto& verbs = at.sub ? at.sub->verbs : k.verbs;
      bool everywhere =
          at.collection && k.namespaced && at.path.find("{namespace}") == at.path.npos;
      object item;
      for (auto& r : rows) {
        if (r.collection != at.collection ||
            (!at.sub && !at.collection && std::string_view(r.method) == "post"))
          continue;
        if (everywhere && std::string_view(r.method) != "get") continue;
        if (std::find(verbs.begin(), verbs.end(), r.verb) != verbs.end())
          item[r.method] = operation(k, at, r.method, r.action);
      }
      if (item.empty()) continue;
      array parameters;
      if (!at.collection) parameters.push_back(parameter(version_, "name", "path", "string"));
      if (at.path.find("{namespace}") != at.path.npos)
        parameters.push_back(parameter(version_, "namespace", "path", "string"));
      if (!parameters.empty()) item["parameters"] = std::move(parameters);
      paths[at.path] = std::move(item);
    }
  }

private:
  /// What is sent and answered at a place: its kind and the definition of it, which is empty where
  /// plain bytes are exchanged.
  struct document {
    std::string group, version, kind, definition;
  };

  document spoken_at(const kind& k, const place& at) {
    if (!at.sub || at.sub->kind == k.name)
      return {k.group, k.version, k.name,
              at.sub && at.sub->name == "log" ? "" : definitions::name_of(k)};
    std::string_view foreign = at.sub->kind;
    auto slash = foreign.find('/');
    if (slash == foreign.npos) {
      bool streams =
          std::find(at.sub->verbs.begin(), at.sub->verbs.end(), "connect") != at.sub->verbs.end();
      return {k.group, k.version, at.sub->kind,
              streams ? "" : known_.add(k.api_version(), foreign)};
    }
    // "autoscaling/v1.Scale": the scale of a Deployment speaks another group's words.
    auto dot = foreign.find('.', slash);
    auto api_version = foreign.substr(0, dot), name = foreign.substr(dot + 1);
    auto gv = schema::split_api_version(api_version);
    return {std::string(gv.group), std::string(gv.version), std::string(name),
            known_.add(api_version, name)};
  }

  static std::string operation_id(const kind& k, const place& at, const char* verb) {
    auto capital = [](std::string text) {
      text[0] = static_cast<char>(toupper(text[0]));
      return text;
    };
    auto group = k.group.empty() ? std::string("core") : k.group.substr(0, k.group.find('.'));
    bool namespaced = at.path.find("{namespace}") != at.path.npos;
    return verb + capital(group) + capital(k.version) + (namespaced ? "Namespaced" : "") +
           (at.collection ? "Collection" : "") + k.name + (at.sub ? capital(at.sub->name) : "");
  }

  openapi_version version_;
  definitions& known_;
};

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
  for (auto& k : kinds.all()) out.insert(root_of(k).substr(1));
  return out;
}

object v2_tree(const schema::registry& kinds) {
  definitions known(openapi_version::v2);
  add_common(known);
  object paths;
  for (auto& k : kinds.all()) known.add(k);
  describer describe(openapi_version::v2, known);
  for (auto& k : kinds.all()) describe.add(k, paths);
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
    if (root_of(k).substr(1) == path) {
      known.add(k);
      any = true;
    }
  if (!any) return {};
  describer describe(openapi_version::v3, known);
  for (auto& k : kinds.all())
    if (root_of(k).substr(1) == path) describe.add(k, paths);
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
