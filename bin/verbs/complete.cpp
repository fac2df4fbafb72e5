#include "bin/verbs/complete.hpp"

#include "bin/verbs/explain.hpp"
#include "bin/verbs/kinds.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

constexpr size_t names_max = 500;

using strings = std::vector<std::string>;

void keep(strings& out, const std::string& begun, std::string word) {
  if (word.starts_with(begun)) out.push_back(std::move(word));
}

/// Names of objects of a kind.
strings names(session& s, const kind_info& kind, const std::string& ns) {
  strings out;
  auto list = s.get(kind.path(ns) + "?limit=" + std::to_string(names_max));
  auto items = list ? json::find(*list, "items") : nullptr;
  if (items && items->is_array())
    for (auto& item : items->get_array())
      out.emplace_back(json::string_at(item, {"metadata", "name"}));
  return out;
}

strings kinds(session& s) {
  strings out;
  if (auto all = s.kinds().all())
    for (auto& k : **all)
      if (std::find(k.verbs.begin(), k.verbs.end(), "get") != k.verbs.end())
        out.push_back(k.plural);
  return out;
}

/// Verbs whose words are pods rather than a kind and its names.
bool takes_pods(std::string_view verb) {
  constexpr std::string_view list[] = {"logs", "exec", "attach", "port-forward"};
  return std::find(std::begin(list), std::end(list), verb) != std::end(list);
}

bool takes_nodes(std::string_view verb) {
  return verb == "cordon" || verb == "uncordon" || verb == "drain";
}

const strings& second_words(std::string_view verb) {
  static const strings rollout{"status", "history", "undo", "pause", "resume", "restart"};
  static const strings create{"namespace", "deployment", "job",   "cronjob",        "configmap",
                              "secret",    "service",    "quota", "serviceaccount", "token"};
  static const strings auth{"can-i", "whoami"};
  static const strings top{"nodes", "pods"};
  static const strings set{"image", "env"};
  static const strings none;
  return verb == "rollout"  ? rollout
         : verb == "create" ? create
         : verb == "auth"   ? auth
         : verb == "top"    ? top
         : verb == "set"    ? set
                            : none;
}

} // namespace

std::vector<std::string> complete(session& s, const std::vector<std::string>& words,
                                  const std::string& begun) {
  strings out;
  if (words.empty()) {
    for (auto& v : all()) keep(out, begun, std::string(v.name));
    return out;
  }
  auto v = find(words[0]);
  if (!v) return out;
  if (begun.starts_with("-")) {
    for (auto* list : {&v->flags, &common_flags()})
      for (auto& f : *list) keep(out, begun, "--" + std::string(f.name));
    return out;
  }
  arguments given;
  if (auto read_words = read(*v, {words.begin() + 1, words.end()})) given = *read_words;
  (void)s.begin(given);
  auto& last = words.back();
  if (last == "-n" || last == "--namespace") {
    if (auto kind = s.kinds().find("namespaces"))
      for (auto& name : names(s, **kind, {})) keep(out, begun, name);
    return out;
  }
  if (last == "-o" || last == "--output") {
    for (auto* form : {"json", "yaml", "wide", "name", "jsonpath=", "custom-columns="})
      keep(out, begun, form);
    return out;
  }
  if (v->name == "explain" && begun.find('.') != begun.npos) {
    for (auto& word : complete_field(s, begun)) keep(out, begun, word);
    return out;
  }
  auto behind = given.words;
  if (auto& seconds = second_words(v->name); !seconds.empty()) {
    if (behind.empty()) {
      for (auto& word : seconds) keep(out, begun, word);
      return out;
    }
    if (v->name != "rollout" && v->name != "set") return out;
    behind.erase(behind.begin());
  }
  std::string type = takes_pods(v->name) ? "pods" : takes_nodes(v->name) ? "nodes" : "";
  if (auto slash = begun.find('/'); slash != begun.npos) {
    if (auto kind = s.kinds().find(begun.substr(0, slash)))
      for (auto& name : names(s, **kind, s.ns()))
        keep(out, begun, begun.substr(0, slash + 1) + name);
    return out;
  }
  if (type.empty() && behind.empty()) {
    for (auto& word : kinds(s)) keep(out, begun, word);
    return out;
  }
  if (type.empty()) type = behind[0];
  if (auto kind = s.kinds().find(type))
    for (auto& name : names(s, **kind, s.ns())) keep(out, begun, name);
  return out;
}

} // namespace troupe::verbs
