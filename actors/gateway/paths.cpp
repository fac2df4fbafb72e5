#include "actors/gateway/paths.hpp"

#include "actors/gateway/service_account.hpp"
#include "actors/gateway/verbs.hpp"
#include "messages/codec/discovery.hpp"
#include "messages/codec/openapi.hpp"

#include <algorithm>
#include <set>

namespace troupe::gateway {

namespace {

constexpr const char* version_json =
    R"({"major":"1","minor":"36","gitVersion":"v1.36.0+troupe","gitCommit":"","gitTreeState":"clean","buildDate":"2026-01-01T00:00:00Z","goVersion":"none","compiler":"g++","platform":"linux/amd64"})";
// Asked for with an @ in its name, which no media type may have; answered without.
constexpr std::string_view openapi_v2_protobuf_type =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

bool wants(const call& c, std::string_view word) {
  return c.request.header("Accept").find(word) != std::string_view::npos;
}

/// "v2" or "v2beta1" if the client asked for aggregated discovery.
std::optional<std::string> aggregated(const call& c) {
  auto accept = c.request.header("Accept");
  auto at = accept.find("as=APIGroupDiscoveryList");
  if (at == accept.npos) return {};
  auto clause = accept.substr(0, accept.find(',')); // the first one is the preferred one
  return clause.find("v=v2beta1") != clause.npos ? "v2beta1" : "v2";
}

void answer_document(call& c, const document_cache::document& d, std::string type) {
  auto tag = "\"" + d.hash + "\"";
  if (c.request.header("If-None-Match") == tag) {
    http::response r{304, {{"ETag", tag}}, {}};
    return c.answer(std::move(r));
  }
  http::response r{
      200, {{"Content-Type", std::move(type)}, {"ETag", tag}, {"Vary", "Accept"}}, {d.body}};
  c.answer(std::move(r));
}

void discovery(gateway& g, call& c, const std::vector<std::string>& parts) {
  auto kinds = c.kinds;
  bool core = parts[0] == "api";
  auto form = aggregated(c);
  auto name = c.where.path + (form ? "#" + *form : "");
  if (parts.size() == 1 && form) {
    auto type = "application/json;g=apidiscovery.k8s.io;v=" + *form + ";as=APIGroupDiscoveryList";
    return answer_document(
        c,
        g.documents.get(kinds, name, [&] { return codec::aggregated_json(*kinds, core, *form); }),
        type);
  }
  auto media = choose_media(c.request.header("Accept"), true, false);
  if (!media) return c.fail(media.error());
  media->pretty = c.media.pretty;
  std::optional<std::string> text;
  if (core && parts.size() == 1)
    text = codec::core_versions_json("127.0.0.1");
  else if (core && parts.size() == 2)
    text = codec::resources_json(*kinds, "", parts[1]);
  else if (parts.size() == 1)
    text = codec::groups_json(*kinds);
  else if (parts.size() == 2)
    text = codec::group_json(*kinds, parts[1]);
  else if (parts.size() == 3)
    text = codec::resources_json(*kinds, parts[1], parts[2]);
  if (!text) return c.fail(no_such_resource());
  c.answer(json_answer(200, std::move(*text), *media));
}

void openapi(gateway& g, call& c, const std::vector<std::string>& parts) {
  auto kinds = c.kinds;
  if (parts.size() == 2 && parts[1] == "v2") {
    if (wants(c, "com.github.proto-openapi.spec.v2"))
      return answer_document(
          c, g.documents.get(kinds, "v2.pb", [&] { return codec::openapi_v2_protobuf(*kinds); }),
          std::string(openapi_v2_protobuf_type));
    return answer_document(
        c, g.documents.get(kinds, "v2.json", [&] { return codec::openapi_v2_json(*kinds); }),
        "application/json");
  }
  if (parts.size() == 2 && parts[1] == "v3")
    return answer_document(
        c, g.documents.get(kinds, "v3", [&] { return codec::openapi_v3_index(*kinds); }),
        "application/json");
  if (parts.size() >= 4 && parts[1] == "v3") {
    auto path = parts[2];
    for (size_t i = 3; i < parts.size(); ++i) path += "/" + parts[i];
    auto found = g.documents.get(kinds, "v3/" + path, [&] {
      return codec::openapi_v3(*kinds, path).value_or(std::string{});
    });
    if (!found.body->empty()) return answer_document(c, found, "application/json");
  }
  c.answer(http::plain_answer(404, "there is no such document"));
}

void health(call& c, const std::string& which) {
  std::string checks;
  bool verbose = c.query.has("verbose");
  auto excluded = c.query.all("exclude");
  for (auto name : {"ping", "log", "store"}) {
    bool out = std::find(excluded.begin(), excluded.end(), name) != excluded.end();
    checks += "[+]" + std::string(name) + (out ? " excluded: ok\n" : " ok\n");
  }
  auto text = verbose ? checks + which + " check passed\n" : std::string("ok");
  auto r = http::answer(200, "text/plain; charset=utf-8", std::move(text));
  r.headers.emplace_back("X-Content-Type-Options", "nosniff");
  c.answer(std::move(r));
}

void root(call& c) {
  json::array paths;
  std::set<std::string> all{"/api",
                            "/api/v1",
                            "/apis",
                            "/healthz",
                            "/livez",
                            "/readyz",
                            "/metrics",
                            "/openapi/v2",
                            "/openapi/v3",
                            "/version",
                            "/.well-known/openid-configuration",
                            "/openid/v1/jwks"};
  for (auto& k : c.kinds->all())
    if (!k.group.empty()) {
      all.insert("/apis/" + k.group);
      all.insert("/apis/" + k.group + "/" + k.version);
    }
  for (auto& p : all) paths.push_back(json::value(p));
  c.answer(json_answer(200, json::write(json::value(json::object{{"paths", std::move(paths)}})),
                       c.media));
}

/// By what others verify the tokens of service accounts: who issues them, and with which keys.
void issuer(gateway& g, call& c, bool keys) {
  if (keys) {
    auto r = http::answer(200, "application/jwk-set+json", g.given.token_keys->jwks());
    return c.answer(std::move(r));
  }
  auto text =
      json::write(json::object{{"issuer", token_issuer},
                               {"jwks_uri", std::string(token_issuer) + "/openid/v1/jwks"},
                               {"response_types_supported", json::array{"id_token"}},
                               {"subject_types_supported", json::array{"public"}},
                               {"id_token_signing_alg_values_supported", json::array{"RS256"}}});
  c.answer(http::answer(200, "application/json", std::move(text)));
}

void metrics(gateway& g, call& c) {
  std::string out = "# HELP troupe_store_revision The newest revision of the store.\n# TYPE "
                    "troupe_store_revision gauge\n";
  auto now = g.given.store->current();
  out += "troupe_store_revision " + std::to_string(now.revision()) + "\n";
  out += "# HELP apiserver_storage_objects Number of stored objects by kind.\n# TYPE "
         "apiserver_storage_objects gauge\n";
  for (auto& k : c.kinds->all())
    if (k.has_verb("list"))
      out += "apiserver_storage_objects{resource=\"" + k.group_resource() + "\"} " +
             std::to_string(now.count(prefix_of(k))) + "\n";
  c.answer(http::answer(200, "text/plain; version=0.0.4; charset=utf-8", std::move(out)));
}

} // namespace

document_cache::document document_cache::get(const std::shared_ptr<const schema::registry>& kinds,
                                             const std::string& name,
                                             const std::function<std::string()>& make) {
  {
    std::lock_guard hold(mutex_);
    if (of_ != kinds) {
      of_ = kinds;
      documents_.clear();
    }
    if (auto hit = documents_.find(name); hit != documents_.end()) return hit->second;
  }
  auto text = make();
  document made{nullptr, codec::document_hash(text)};
  made.body = http::share(std::move(text));
  std::lock_guard hold(mutex_);
  if (of_ == kinds) documents_[name] = made;
  return made;
}

void answer_path(gateway& g, call_ptr c) {
  auto read = c->request.segments();
  if (!read) return c->fail(read.error());
  auto& parts = *read;
  if (parts.empty()) return root(*c);
  auto& first = parts[0];
  bool reading = c->where.verb == "get" || c->where.verb == "head";
  static const std::set<std::string_view> known{"api",     "apis",       "openapi", "version",
                                                "healthz", "livez",      "readyz",  "metrics",
                                                "openid",  ".well-known"};
  if (known.contains(first) && !reading) return c->fail(method_not_supported());
  if (first == "api" || first == "apis") return discovery(g, *c, parts);
  if (first == "openapi") return openapi(g, *c, parts);
  if (first == "version" && parts.size() == 1)
    return c->answer(json_answer(200, version_json, c->media));
  if (first == "healthz" || first == "livez" || first == "readyz") return health(*c, first);
  if (first == "metrics" && parts.size() == 1) return metrics(g, *c);
  if (c->where.path == transactions_path) return transact(g, std::move(c));
  if (c->where.path.starts_with("/troupe/v1/actors")) return ask_actors(g, std::move(c));
  if (c->where.path == "/.well-known/openid-configuration") return issuer(g, *c, false);
  if (c->where.path == "/openid/v1/jwks") return issuer(g, *c, true);
  c->fail(no_such_resource());
}

} // namespace troupe::gateway
