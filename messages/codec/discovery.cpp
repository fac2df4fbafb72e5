#include "messages/codec/discovery.hpp"

#include "messages/api/api_discovery.pb.h"
#include "messages/api/discovery.pb.h"
#include "messages/base/base64.hpp"
#include "messages/base/versions.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_decode.hpp"

#include <algorithm>
#include <map>
#include <openssl/sha.h>

namespace troupe::codec {

namespace {

using json::array;
using json::object;
using json::value;
using schema::kind;
using schema::registry;

/// The versions of a group in the order of preference, and its kinds by version.
struct group {
  std::string name;
  std::vector<std::string> versions;
};

/// Built-in groups in their own order, then those of definitions by the names of their APIServices,
/// then what others would serve.
std::vector<group> groups(const registry& kinds, bool core) {
  std::vector<group> out, custom, late;
  for (auto& k : kinds.all()) {
    if (k.group.empty() != core) continue;
    auto known = [&](auto& g) { return g.name == k.group; };
    auto& built_in = k.group == "metrics.k8s.io" ? late : out;
    bool ours = std::any_of(built_in.begin(), built_in.end(), known);
    auto& list = k.custom() && !ours ? custom : built_in;
    auto hit = std::find_if(list.begin(), list.end(), known);
    if (hit == list.end()) hit = list.insert(list.end(), {k.group, {}});
    if (std::find(hit->versions.begin(), hit->versions.end(), k.version) == hit->versions.end())
      hit->versions.push_back(k.version);
  }
  auto first = [](const group& g) {
    return *std::min_element(g.versions.begin(), g.versions.end()) + "." + g.name;
  };
  for (auto& g : custom) std::sort(g.versions.begin(), g.versions.end(), version_before);
  std::sort(custom.begin(), custom.end(), [&](auto& a, auto& b) { return first(a) < first(b); });
  for (auto* list : {&custom, &late})
    for (auto& g : *list) out.push_back(std::move(g));
  return out;
}

std::string joined(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

object describe(const group& g) {
  array versions;
  for (auto& v : g.versions)
    versions.push_back(object{{"groupVersion", joined(g.name, v)}, {"version", v}});
  auto preferred = versions.front();
  return {{"name", g.name}, {"versions", std::move(versions)}, {"preferredVersion", preferred}};
}

array words(const std::vector<std::string>& from) {
  array out;
  for (auto& w : from) out.push_back(value(w));
  return out;
}

/// "autoscaling/v1.Scale" taken apart; a plain kind belongs to the resource's own group and
/// version.
object body_kind(const kind& k, const std::string& body) {
  auto dot = body.find('.', body.find('/') == body.npos ? body.npos : body.find('/'));
  if (dot == body.npos) return {{"group", k.group}, {"version", k.version}, {"kind", body}};
  auto gv = schema::split_api_version(std::string_view(body).substr(0, dot));
  return {{"group", gv.group}, {"version", gv.version}, {"kind", body.substr(dot + 1)}};
}

/// Changes with the version that objects are stored in; clients only compare it.
std::string storage_hash(const kind& k) {
  auto stored = k.group + "/" + (k.custom() ? k.stored_version : k.version);
  if (!k.custom() && k.name == "HorizontalPodAutoscaler") stored = "autoscaling/v2";
  if (!k.custom() && k.name == "Event") stored = "/v1";
  stored += "/" + k.name;
  unsigned char whole[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(stored.data()), stored.size(), whole);
  return base64::encode({reinterpret_cast<const char*>(whole), 8});
}

/// The shape of each of these documents by its kind. Both aggregated versions have one.
const schema::type& shape_of(std::string_view kind) {
  using namespace k8s::meta::v1;
  if (kind == "APIVersions") return schema::of<APIVersions>();
  if (kind == "APIGroupList") return schema::of<APIGroupList>();
  if (kind == "APIGroup") return schema::of<APIGroup>();
  if (kind == "APIResourceList") return schema::of<APIResourceList>();
  return schema::of<k8s::apidiscovery::v2::APIGroupDiscoveryList>();
}

/// The kinds of a version in the order of their paths.
std::vector<const kind*> kinds_of(const registry& kinds, std::string_view group,
                                  std::string_view version) {
  std::vector<const kind*> out;
  for (auto& k : kinds.all())
    if (k.group == group && k.version == version) out.push_back(&k);
  std::sort(out.begin(), out.end(), [](auto a, auto b) { return a->plural < b->plural; });
  return out;
}

std::string finish(object o) { return json::write(value(std::move(o))); }

} // namespace

std::string core_versions_json(std::string_view server_address) {
  return finish(
      {{"kind", "APIVersions"},
       {"versions", array{value("v1")}},
       {"serverAddressByClientCIDRs",
        array{value(object{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", server_address}})}}});
}

std::string groups_json(const registry& kinds) {
  array all;
  for (auto& g : groups(kinds, false)) all.push_back(describe(g));
  return finish({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(all)}});
}

std::optional<std::string> group_json(const registry& kinds, std::string_view name) {
  for (auto& g : groups(kinds, false)) {
    if (g.name != name) continue;
    auto o = describe(g);
    o["kind"] = "APIGroup";
    o["apiVersion"] = "v1";
    return finish(std::move(o));
  }
  return {};
}

std::optional<std::string> resources_json(const registry& kinds, std::string_view group,
                                          std::string_view version) {
  array all;
  for (auto each : kinds_of(kinds, group, version)) {
    auto& k = *each;
    object r{{"name", k.plural},
             {"singularName", k.singular},
             {"namespaced", k.namespaced},
             {"kind", k.name},
             {"verbs", words(k.verbs)}};
    if (!k.short_names.empty()) r["shortNames"] = words(k.short_names);
    if (!k.categories.empty()) r["categories"] = words(k.categories);
    if (k.has_verb("list") && k.has_verb("create")) r["storageVersionHash"] = storage_hash(k);
    all.push_back(std::move(r));
    for (auto& s : k.subresources) {
      auto body = body_kind(k, s.kind);
      object sub{
          {"name", k.plural + "/" + s.name}, {"singularName", ""}, {"namespaced", k.namespaced}};
      if (s.kind.find('/') != s.kind.npos) {
        sub["group"] = body["group"];
        sub["version"] = body["version"];
      }
      sub["kind"] = body["kind"];
      auto verbs = words(s.verbs);
      if (s.verbs == std::vector<std::string>{"connect"})
        verbs = s.name == "proxy" ? words({"create", "delete", "get", "patch", "update"})
                                  : words({"create", "get"});
      sub["verbs"] = std::move(verbs);
      all.push_back(std::move(sub));
    }
  }
  if (all.empty()) return {};
  return finish({{"kind", "APIResourceList"},
                 {"apiVersion", "v1"},
                 {"groupVersion", joined(group, version)},
                 {"resources", std::move(all)}});
}

std::string aggregated_json(const registry& kinds, bool core, std::string_view version) {
  array items;
  for (auto& g : groups(kinds, core)) {
    array versions;
    for (auto& v : g.versions) {
      array resources;
      for (auto each : kinds_of(kinds, g.name, v)) {
        auto& k = *each;
        object r{
            {"resource", k.plural},
            {"responseKind", object{{"group", k.group}, {"version", k.version}, {"kind", k.name}}},
            {"scope", k.namespaced ? "Namespaced" : "Cluster"},
            {"singularResource", k.singular},
            {"verbs", words(k.verbs)}};
        if (!k.short_names.empty()) r["shortNames"] = words(k.short_names);
        if (!k.categories.empty()) r["categories"] = words(k.categories);
        array subs;
        for (auto& s : k.subresources) {
          auto verbs = s.verbs == std::vector<std::string>{"connect"} ? words({"create", "get"})
                                                                      : words(s.verbs);
          subs.push_back(object{{"subresource", s.name},
                                {"responseKind", body_kind(k, s.kind)},
                                {"verbs", std::move(verbs)}});
        }
        if (!subs.empty()) r["subresources"] = std::move(subs);
        resources.push_back(std::move(r));
      }
      versions.push_back(
          object{{"version", v}, {"resources", std::move(resources)}, {"freshness", "Current"}});
    }
    object metadata;
    if (!core) metadata["name"] = g.name;
    items.push_back(object{{"metadata", std::move(metadata)}, {"versions", std::move(versions)}});
  }
  return finish({{"kind", "APIGroupDiscoveryList"},
                 {"apiVersion", "apidiscovery.k8s.io/" + std::string(version)},
                 {"metadata", object{}},
                 {"items", std::move(items)}});
}

std::string discovery_protobuf(std::string_view json) {
  auto what = peek_type(json);
  std::string wire;
  if (what) json_to_wire(shape_of(what->kind), json, wire);
  // The oldest of these documents does not name its version in JSON.
  auto version = what && !what->api_version.empty() ? what->api_version : std::string("v1");
  return seal_envelope(version, what ? what->kind : std::string{}, wire);
}

} // namespace troupe::codec
