#include "messages/codec/openapi_paths.hpp"

#include "messages/schema/deletion.hpp"

#include <algorithm>
#include <span>

namespace troupe::codec {

namespace {

using json::array;
using json::object;
using json::value;
using schema::kind;

/// A parameter of a path or of its query.
struct parameter {
  const char *name, *type, *doc;
};

constexpr parameter listing[] = {
    {"allowWatchBookmarks", "boolean", "Whether a watch tells now and then how far it is."},
    {"continue", "string", "Where the page before left off."},
    {"fieldSelector", "string", "Only objects with these fields."},
    {"labelSelector", "string", "Only objects with these labels."},
    {"limit", "integer", "How many objects a page has at most."},
    {"resourceVersion", "string", "Which version the answer is at least as new as."},
    {"resourceVersionMatch", "string", "How exactly resourceVersion is meant."},
    {"sendInitialEvents", "boolean", "Whether a watch begins with what is there."},
    {"timeoutSeconds", "integer", "How long the call lasts at most."},
    {"watch", "boolean", "Whether changes are sent as they happen."},
};
constexpr parameter dry_run = {"dryRun", "string", "\"All\": nothing is stored."};
constexpr parameter writing[] = {
    dry_run,
    {"fieldManager", "string", "Who makes the change."},
    {"fieldValidation", "string", "What unknown and doubled fields lead to: Ignore, Warn, Strict."},
};
constexpr parameter forcing = {"force", "boolean", "Whether an apply takes others' fields over."};
constexpr parameter deleting[] = {
    dry_run,
    {"gracePeriodSeconds", "integer", "How long the object has to end."},
    {"ignoreStoreReadErrorWithClusterBreakingPotential", "boolean",
     "Whether an object that cannot be read may be deleted."},
    {"orphanDependents", "boolean", "Whether dependents stay. Use propagationPolicy."},
    {"propagationPolicy", "string", "What happens to dependents: Orphan, Background, Foreground."},
};
constexpr parameter printing = {"pretty", "string", "\"true\": printed for people."};

/// The paths of a kind: its collection in a namespace or everywhere, its objects, its subresources.
enum class scope : uint8_t { collection, everywhere, object };

struct place {
  std::string path;
  scope of;
  const schema::subresource* sub;
};

std::vector<place> places(const kind& k) {
  auto root = root_path(k) + "/";
  auto collection = root + (k.namespaced ? "namespaces/{namespace}/" : "") + k.plural;
  std::vector<place> out{{collection, scope::collection, nullptr},
                         {collection + "/{name}", scope::object, nullptr}};
  if (k.namespaced && k.has_verb("list"))
    out.push_back({root + k.plural, scope::everywhere, nullptr});
  for (auto& s : k.subresources)
    out.push_back({collection + "/{name}/" + s.name, scope::object, &s});
  return out;
}

std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(toupper(text[0]));
  return text;
}

/// "rbacAuthorization" of rbac.authorization.k8s.io.
std::string group_word(const kind& k) {
  if (k.group.empty()) return "core";
  std::string_view group = k.group, ours = ".k8s.io";
  if (group.ends_with(ours)) group.remove_suffix(ours.size());
  std::string out;
  for (bool first = true; !group.empty(); first = false) {
    auto dot = std::min(group.find('.'), group.size());
    auto part = std::string(group.substr(0, dot));
    out += first ? part : capital(part);
    group.remove_prefix(std::min(dot + 1, group.size()));
  }
  return out;
}

std::string add_patch(definitions& known) {
  return known.add_meta(
      "Patch", {{"description", "A patch, in the form of its media type."}, {"type", "object"}});
}

std::string add_watch_event(definitions& known) {
  object properties{{"type", object{{"type", "string"}}}, {"object", object{{"type", "object"}}}};
  return known.add_meta("WatchEvent", {{"description", "A change that a watch tells."},
                                       {"type", "object"},
                                       {"required", array{value("type"), value("object")}},
                                       {"properties", std::move(properties)}});
}

/// What is sent and answered at a place: its kind and the definition of it, which is empty where
/// plain bytes are exchanged.
struct document {
  std::string group, version, kind, definition;
};

/// A method at a place: its word in operation ids, what it does in words ("%" is the kind), and
/// the codes it answers besides 401.
struct method {
  const char *http, *verb, *action, *word, *does;
  std::vector<const char*> codes;
};

class describer {
public:
  describer(openapi_version version, const kind& k, definitions& known)
      : version_{version}, k_{k}, known_{known} {}

  void add(object& paths) {
    for (auto& at : places(k_)) {
      object item;
      for (auto& m : methods(at))
        if (allows(at, m.verb)) item[m.http] = operation(at, m);
      if (item.empty()) continue;
      item["parameters"] = common(at.path);
      paths[at.path] = std::move(item);
    }
    if (!k_.has_verb("watch")) return;
    for (auto& at : places(k_))
      if (!at.sub) add_watch(at, paths);
  }

private:
  bool two() const { return version_ == openapi_version::v2; }

  bool allows(const place& at, std::string_view verb) const {
    auto& verbs = at.sub ? at.sub->verbs : k_.verbs;
    return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
  }

  std::vector<method> methods(const place& at) const {
    if (at.of == scope::everywhere)
      return {{"get", "list", "list", "list", "list or watch objects of kind %", {"200"}}};
    if (at.of == scope::collection)
      return {{"get", "list", "list", "list", "list or watch objects of kind %", {"200"}},
              {"post", "create", "post", "create", "create a %", {"200", "201", "202"}},
              {"delete",
               "deletecollection",
               "deletecollection",
               "deleteCollection",
               "delete collection of %",
               {"200"}}};
    std::vector<method> out{
        {"get", "get", "get", "read", "read the specified %", {"200"}},
        {"put", "update", "put", "replace", "replace the specified %", {"200", "201"}},
        {"patch", "patch", "patch", "patch", "partially update the specified %", {"200", "201"}},
        {"delete", "delete", "delete", "delete", "delete a %", {"200", "202"}}};
    if (k_.custom()) out[2].codes = {"200"};
    if (!at.sub) return out;
    out.push_back({"post", "create", "post", "create", "create a %", {"200", "201", "202"}});
    for (auto http : {"get", "post"})
      if (allows(at, "connect"))
        out.push_back({http, "connect", "connect", "connect", "connect requests to %", {"200"}});
    return out;
  }

  object described(const parameter& p, const char* in) const {
    object o{{"name", p.name}, {"in", in}, {"description", p.doc}};
    if (std::string_view(in) == "path") o["required"] = true;
    object shape{{"type", p.type}, {"uniqueItems", true}};
    if (two())
      for (auto& [key, v] : shape) o[key] = v;
    else
      o["schema"] = std::move(shape);
    return o;
  }

  void ask(array& to, std::span<const parameter> parameters) const {
    for (auto& p : parameters) to.push_back(described(p, "query"));
  }

  /// What all methods of a path have in common.
  array common(std::string_view path) const {
    array out;
    if (path.find("{name}") != path.npos)
      out.push_back(described({"name", "string", "The object's name."}, "path"));
    if (path.find("{namespace}") != path.npos)
      out.push_back(described({"namespace", "string", "The object's namespace."}, "path"));
    out.push_back(described(printing, "query"));
    return out;
  }

  /// The forms in which objects come and go; custom ones have no Protobuf form.
  std::vector<std::string> forms(bool streamed) const {
    std::vector<std::string> out{"application/json", "application/yaml"};
    if (!k_.custom()) out.push_back("application/vnd.kubernetes.protobuf");
    if (!streamed) return out;
    out.push_back("application/json;stream=watch");
    if (!k_.custom()) out.push_back("application/vnd.kubernetes.protobuf;stream=watch");
    return out;
  }

  std::vector<std::string> patch_forms() const {
    std::vector<std::string> out{"application/json-patch+json", "application/merge-patch+json"};
    if (!k_.custom()) out.push_back("application/strategic-merge-patch+json");
    out.push_back("application/apply-patch+yaml");
    return out;
  }

  static array words(const std::vector<std::string>& all) {
    array out;
    for (auto& word : all) out.push_back(value(word));
    return out;
  }

  static object content(const std::vector<std::string>& forms, const object& schema) {
    object out;
    for (auto& form : forms) out[form] = object{{"schema", schema}};
    return out;
  }

  void add_body(object& o, array& parameters, const object& schema,
                const std::vector<std::string>& forms, bool required) {
    if (two()) {
      object body{{"name", "body"}, {"in", "body"}, {"schema", schema}};
      if (required) body["required"] = true;
      parameters.push_back(std::move(body));
      return;
    }
    object body{{"content", content(forms, schema)}};
    if (required) body["required"] = true;
    o["requestBody"] = std::move(body);
  }

  object answer(const method& m, const document& spoken) {
    if (spoken.definition.empty()) return object{{"type", "string"}};
    std::string_view verb = m.verb;
    if (verb == "list") return known_.reference(definitions::list_name_of(k_));
    if (verb == "deletecollection" || (verb == "delete" && !schema::returns_deleted(k_)))
      return known_.reference(known_.add("v1", "Status"));
    return known_.reference(spoken.definition);
  }

  object operation(const place& at, const method& m) {
    auto spoken = spoken_at(at);
    std::string_view verb = m.verb;
    bool bytes = spoken.definition.empty();
    object o{{"description", description(at, m)},
             {"operationId", operation_id(at, m)},
             {"tags", array{value(group_word(k_) + "_" + k_.version)}}};
    array parameters;
    if (verb == "list" || verb == "deletecollection") ask(parameters, listing);
    if (verb == "delete" || verb == "deletecollection") {
      ask(parameters, deleting);
      add_body(o, parameters, known_.reference(known_.add("v1", "DeleteOptions")), {"*/*"}, false);
    }
    if (verb == "create" || verb == "update" || verb == "patch") ask(parameters, writing);
    if (verb == "patch") {
      ask(parameters, {&forcing, 1});
      add_body(o, parameters, known_.reference(add_patch(known_)), patch_forms(), true);
    } else if ((verb == "create" || verb == "update") && !bytes) {
      add_body(o, parameters, known_.reference(spoken.definition), {"*/*"}, true);
    }
    if (!parameters.empty()) o["parameters"] = std::move(parameters);
    auto produced = bytes ? std::vector<std::string>{"*/*"} : forms(verb == "list");
    o["responses"] = responses(m.codes, answer(m, spoken), produced);
    o["x-kubernetes-action"] = m.action;
    o["x-kubernetes-group-version-kind"] =
        object{{"group", spoken.group}, {"kind", spoken.kind}, {"version", spoken.version}};
    if (two()) {
      o["consumes"] = words(verb == "patch" ? patch_forms() : std::vector<std::string>{"*/*"});
      o["produces"] = words(produced);
      o["schemes"] = array{value("https")};
    }
    return o;
  }

  object responses(const std::vector<const char*>& codes, const object& schema,
                   const std::vector<std::string>& forms) const {
    object out;
    for (std::string_view code : codes) {
      object r{{"description", code == "200" ? "OK" : code == "201" ? "Created" : "Accepted"}};
      if (two())
        r["schema"] = schema;
      else
        r["content"] = content(forms, schema);
      out[code] = std::move(r);
    }
    out["401"] = object{{"description", "Unauthorized"}};
    return out;
  }

  /// The old way to watch: a path of its own, for one object and for all.
  void add_watch(const place& at, object& paths) {
    bool one = at.of == scope::object;
    auto path = at.path;
    path.insert(root_path(k_).size(), "/watch");
    auto many = one ? "" : "list";
    auto event = known_.reference(add_watch_event(known_));
    object o{{"description", one ? "watch changes to an object of kind " + k_.name
                                 : "watch individual changes to a list of " + k_.name},
             {"operationId", word_of("watch", at) + (one ? "" : "List") + where(at)},
             {"tags", array{value(group_word(k_) + "_" + k_.version)}},
             {"responses", responses({"200"}, event, forms(true))},
             {"x-kubernetes-action", std::string("watch") + many},
             {"x-kubernetes-group-version-kind",
              object{{"group", k_.group}, {"kind", k_.name}, {"version", k_.version}}}};
    if (two()) {
      o["consumes"] = array{value("*/*")};
      o["produces"] = words(forms(true));
      o["schemes"] = array{value("https")};
    }
    auto parameters = common(path);
    ask(parameters, listing);
    paths[path] = object{{"get", std::move(o)}, {"parameters", std::move(parameters)}};
  }

  document spoken_at(const place& at) {
    if (!at.sub || at.sub->kind == k_.name)
      return {k_.group, k_.version, k_.name,
              at.sub && at.sub->name == "log" ? "" : definitions::name_of(k_)};
    std::string_view foreign = at.sub->kind;
    auto slash = foreign.find('/');
    if (slash == foreign.npos)
      return {k_.group, k_.version, at.sub->kind,
              allows(at, "connect") ? "" : known_.add(k_.api_version(), foreign)};
    // "autoscaling/v1.Scale": the scale of a Deployment speaks another group's words.
    auto dot = foreign.find('.', slash);
    auto api_version = foreign.substr(0, dot), name = foreign.substr(dot + 1);
    auto gv = schema::split_api_version(api_version);
    return {std::string(gv.group), std::string(gv.version), std::string(name),
            known_.add(api_version, name)};
  }

  std::string description(const place& at, const method& m) const {
    std::string out = m.does;
    auto what = k_.name;
    if (at.sub) {
      what = at.sub->name + " of " + (m.verb == std::string_view("create") ? "a " : "") + k_.name;
      if (auto a = out.find("a %"); a != out.npos) out.erase(a, 2);
      if (auto the = out.find("the specified "); the != out.npos) {
        out.erase(the, 14);
        what = at.sub->name + " of the specified " + k_.name;
      }
    }
    if (auto mark = out.find('%'); mark != out.npos) out.replace(mark, 1, what);
    return out;
  }

  /// "readCoreV1NamespacedPod".
  std::string word_of(std::string_view word, const place& at) const {
    bool namespaced = at.path.find("{namespace}") != at.path.npos;
    auto collection = word == "deleteCollection" ? "Collection" : "";
    if (*collection) word = "delete";
    return std::string(word) + capital(group_word(k_)) + capital(k_.version) + collection +
           (namespaced ? "Namespaced" : "") + k_.name;
  }

  static std::string where(const place& at) {
    return at.of == scope::everywhere ? "ForAllNamespaces" : "";
  }

  std::string operation_id(const place& at, const method& m) const {
    auto out = word_of(m.word, at) + where(at) + (at.sub ? capital(at.sub->name) : "");
    // Both ways to connect are told apart by their method: connectCoreV1GetNamespacedPodExec.
    if (std::string_view(m.verb) == "connect")
      out.insert(7 + group_word(k_).size() + k_.version.size(), capital(m.http));
    return out;
  }

  openapi_version version_;
  const kind& k_;
  definitions& known_;
};

} // namespace

std::string root_path(const kind& k) {
  return k.group.empty() ? "/api/" + k.version : "/apis/" + k.group + "/" + k.version;
}

void add_paths(openapi_version version, const kind& k, definitions& known, object& paths) {
  describer(version, k, known).add(paths);
}

} // namespace troupe::codec
