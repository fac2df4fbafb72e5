#include "bin/verbs/kinds.hpp"

#include "actors/client/cluster.hpp"
#include "messages/schema/kind.hpp"
#include "net/http/url.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ::tolower);
  return out;
}

bool called(const kind_info& k, std::string_view word, std::string_view group) {
  if (!group.empty() && group != k.group && !std::string_view(k.group).starts_with(group) &&
      group != k.version + "." + k.group)
    return false;
  return word == k.plural || word == k.singular || word == lower(k.name) ||
         std::find(k.short_names.begin(), k.short_names.end(), word) != k.short_names.end();
}

std::vector<std::string> strings(const json::value* list) {
  std::vector<std::string> out;
  if (list && list->is_array())
    for (auto& each : list->get_array())
      if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

} // namespace

std::string escaped(std::string_view text) { return http::percent_encoded(text); }

std::string kind_info::path(std::string_view ns, std::string_view object,
                            std::string_view subresource) const {
  return client::object_path(group, version, namespaced ? ns : "", plural, object, subresource);
}

const kind_info* kind_book::known(std::string_view word) const {
  auto dot = word.find('.');
  auto group = dot == word.npos ? std::string_view{} : word.substr(dot + 1);
  auto name = lower(word.substr(0, dot));
  for (auto* list : {&built_in_, &all_})
    for (auto& k : *list)
      if (called(k, name, group)) return &k;
  return nullptr;
}

result<const kind_info*> kind_book::find(std::string_view word) {
  if (built_in_.empty())
    for (auto& k : schema::registry::built_in()->all())
      built_in_.push_back({k.group, k.version, k.name, k.plural, k.singular, k.short_names,
                           k.categories, k.verbs, k.namespaced});
  if (auto hit = known(word)) return hit;
  if (auto ok = discover(); !ok) return ok.error();
  if (auto hit = known(word)) return hit;
  std::string hint;
  for (auto& k : built_in_)
    if (k.plural.starts_with(lower(word).substr(0, 3)) && word.size() >= 3) {
      hint = "; did you mean \"" + k.plural + "\"?";
      break;
    }
  return bad("the server doesn't have a resource type \"" + std::string(word) + "\"" + hint);
}

result<const kind_info*> kind_book::find(std::string_view api_version, std::string_view kind) {
  if (built_in_.empty())
    if (auto first = find("pods"); !first) return first.error();
  auto hit = [&]() -> const kind_info* {
    for (auto* list : {&built_in_, &all_})
      for (auto& k : *list)
        if (k.name == kind && k.api_version() == api_version) return &k;
    return nullptr;
  };
  if (auto k = hit()) return k;
  if (auto ok = discover(); !ok) return ok.error();
  if (auto k = hit()) return k;
  return error{errc::not_found, "no matches for kind \"" + std::string(kind) + "\" in version \"" +
                                    std::string(api_version) + "\"; is its definition installed?"};
}

result<void> kind_book::discover() {
  std::deque<kind_info> found;
  for (auto* root : {"/api", "/apis"}) {
    auto text = in_.ask("GET", root, {}, {},
                        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    if (!text) return text.error();
    auto read = json::parse(*text);
    if (!read) return read.error();
    auto groups = json::find(*read, "items");
    if (!groups || !groups->is_array()) continue;
    for (auto& group : groups->get_array()) {
      auto versions = json::find(group, "versions");
      if (!versions || !versions->is_array()) continue;
      for (auto& version : versions->get_array()) {
        auto resources = json::find(version, "resources");
        if (!resources || !resources->is_array()) continue;
        for (auto& r : resources->get_array())
          found.push_back({std::string(json::string_at(group, {"metadata", "name"})),
                           std::string(json::string_at(version, {"version"})),
                           std::string(json::string_at(r, {"responseKind", "kind"})),
                           std::string(json::string_at(r, {"resource"})),
                           std::string(json::string_at(r, {"singularResource"})),
                           strings(json::find(r, "shortNames")),
                           strings(json::find(r, "categories")), strings(json::find(r, "verbs")),
                           json::string_at(r, {"scope"}) == "Namespaced"});
      }
    }
  }
  // Handles to what is known already stay good.
  for (auto& k : found) {
    auto same = [&](const kind_info& o) {
      return o.group == k.group && o.version == k.version && o.plural == k.plural;
    };
    if (std::none_of(all_.begin(), all_.end(), same)) all_.push_back(std::move(k));
  }
  discovered_ = true;
  return {};
}

result<const std::deque<kind_info>*> kind_book::all() {
  if (auto ok = discover(); !ok) return ok.error();
  return &all_;
}

std::vector<const kind_info*> kind_book::in_category(std::string_view category) {
  std::vector<const kind_info*> out;
  (void)find("pods");
  for (auto& k : built_in_)
    if (std::find(k.categories.begin(), k.categories.end(), category) != k.categories.end() &&
        std::none_of(out.begin(), out.end(), [&](auto o) { return o->name == k.name; }))
      out.push_back(&k);
  return out;
}

result<std::vector<target>> read_targets(session& s, const std::vector<std::string>& words,
                                         bool all_namespaces) {
  std::vector<target> out;
  auto place = [&](const kind_info& k) {
    return k.namespaced && !all_namespaces ? s.ns() : std::string{};
  };
  if (words.empty()) return bad("name a resource: pods, deployment/web, ...");
  if (words[0].find('/') != std::string::npos) {
    for (auto& word : words) {
      auto slash = word.find('/');
      if (slash == word.npos || slash == 0 || slash + 1 == word.size())
        return bad("\"" + word + "\": write every one of them as TYPE/NAME");
      auto kind = s.kinds().find(std::string_view(word).substr(0, slash));
      if (!kind) return kind.error();
      out.push_back({*kind, place(**kind), word.substr(slash + 1)});
    }
    return out;
  }
  std::string_view rest = words[0];
  while (!rest.empty()) {
    auto word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (auto members = s.kinds().in_category(word); !members.empty()) {
      for (auto k : members) out.push_back({k, place(*k), {}});
      continue;
    }
    auto kind = s.kinds().find(word);
    if (!kind) return kind.error();
    if (words.size() == 1) out.push_back({*kind, place(**kind), {}});
    for (size_t i = 1; i < words.size(); ++i) out.push_back({*kind, place(**kind), words[i]});
  }
  return out;
}

result<target> read_target(session& s, const std::vector<std::string>& words,
                           std::string_view usual) {
  std::vector<std::string> whole = words;
  if (whole.size() == 1 && whole[0].find('/') == std::string::npos && !usual.empty())
    whole.insert(whole.begin(), std::string(usual));
  auto found = read_targets(s, whole);
  if (!found) return found.error();
  if (found->size() != 1 || found->front().name.empty())
    return bad("name exactly one object: TYPE/NAME");
  return found->front();
}

} // namespace troupe::verbs
