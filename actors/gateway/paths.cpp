#include "actors/gateway/paths.hpp"

#include "actors/gateway/audit/log.hpp"
#include "actors/gateway/discovery.hpp"
#include "actors/gateway/documents.hpp"
#include "actors/gateway/health.hpp"
#include "actors/gateway/service_account.hpp"
#include "actors/gateway/verbs.hpp"
#include "messages/codec/openapi.hpp"

#include <algorithm>
#include <set>

namespace troupe::gateway {

namespace {

constexpr const char* version_json =
    R"({"major":"1","minor":"36","emulationMajor":"1","emulationMinor":"36","minCompatibilityMajor":"1","minCompatibilityMinor":"35","gitVersion":"v1.36.0+troupe","gitCommit":"","gitTreeState":"clean","buildDate":"2026-01-01T00:00:00Z","goVersion":"none","compiler":"g++","platform":"linux/amd64"})";
// Asked for with an @ in its name, which no media type may have; answered without.
constexpr std::string_view openapi_v2_protobuf_type =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

bool wants(const call& c, std::string_view word) {
  return c.request.header("Accept").find(word) != std::string_view::npos;
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
  c.answer(page_not_found());
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
  json::array algorithms;
  for (auto& name : g.given.token_keys->algorithms()) algorithms.emplace_back(name);
  auto text =
      json::write(json::object{{"issuer", token_issuer},
                               {"jwks_uri", std::string(token_issuer) + "/openid/v1/jwks"},
                               {"response_types_supported", json::array{"id_token"}},
                               {"subject_types_supported", json::array{"public"}},
                               {"id_token_signing_alg_values_supported", std::move(algorithms)}});
  c.answer(http::answer(200, "application/json", std::move(text)));
}

/// Prometheus' text form, one family after the other.
class metrics_text {
public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out.append("# HELP ").append(name).append(" ").append(help);
    out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  void sample(std::string_view labels, uint64_t value) {
    out.append(name_);
    if (!labels.empty()) out.append("{").append(labels).append("}");
    out.append(" ").append(std::to_string(value)).append("\n");
  }
  std::string out;

private:
  std::string name_;
};

void flow_metrics(const flow_control& flow, metrics_text& to) {
  struct row {
    flow_kind kind;
    const char* label;
  };
  static constexpr row rows[] = {{flow_kind::reading, "request_kind=\"readOnly\""},
                                 {flow_kind::writing, "request_kind=\"mutating\""},
                                 {flow_kind::watching, "request_kind=\"longRunning\""}};
  to.family("apiserver_current_inflight_requests", "gauge", "Requests being worked on.");
  for (auto& r : rows) to.sample(r.label, flow.count(r.kind).running);
  to.family("apiserver_current_inqueue_requests", "gauge", "Requests that wait for their turn.");
  for (auto& r : rows) to.sample(r.label, flow.count(r.kind).waiting);
  to.family("apiserver_dropped_requests_total", "counter", "Requests answered with 429.");
  for (auto& r : rows) to.sample(r.label, flow.count(r.kind).refused);
}

void http_metrics(const http::server_counters& n, metrics_text& to) {
  to.family("apiserver_request_total", "counter", "Answers by method and status.");
  for (auto& r : n.answers)
    to.sample("verb=\"" + std::string(http::to_string(r.verb)) + "\",code=\"" +
                  std::to_string(r.status) + "\"",
              r.answers);
  struct row {
    const char *name, *type, *help;
    uint64_t value;
  };
  for (auto& r :
       {row{"troupe_http_connections", "gauge", "Connections that are open.", n.connections_now},
        row{"troupe_http_connections_total", "counter", "Connections taken.", n.connections_total},
        row{"troupe_http_connections_refused_total", "counter", "Connections over a limit.",
            n.connections_refused},
        row{"troupe_http_handshakes_failed_total", "counter", "TLS handshakes that failed.",
            n.handshakes_failed},
        row{"troupe_http_requests_refused_total", "counter", "Malformed requests refused.",
            n.refused_by_gate},
        row{"troupe_http_requests_timed_out_total", "counter", "Requests that came too slowly.",
            n.requests_timed_out},
        row{"troupe_http_slow_readers_total", "counter", "Connections of those who do not read.",
            n.slow_readers_dropped},
        row{"troupe_http_received_bytes_total", "counter", "Bytes received.", n.bytes_in},
        row{"troupe_http_sent_bytes_total", "counter", "Bytes sent.", n.bytes_out}}) {
    to.family(r.name, r.type, r.help);
    to.sample({}, r.value);
  }
}

void metrics(gateway& g, call& c) {
  metrics_text to;
  auto now = g.given.store->current();
  to.family("troupe_store_revision", "gauge", "The newest revision of the store.");
  to.sample({}, now.revision());
  to.family("apiserver_storage_objects", "gauge", "Number of stored objects by kind.");
  for (auto& k : c.kinds->all())
    if (k.has_verb("list"))
      to.sample("resource=\"" + k.group_resource() + "\"", now.count(prefix_of(k)));
  flow_metrics(*g.flow, to);
  if (g.given.counters) http_metrics(g.given.counters(), to);
  if (g.given.audit) {
    to.family("apiserver_audit_event_total", "counter", "Events written to the audit log.");
    to.sample({}, g.given.audit->written());
    to.family("apiserver_audit_error_total", "counter", "Events that the audit log lost.");
    to.sample("plugin=\"log\"", g.given.audit->dropped());
  }
  c.answer(http::answer(200, "text/plain; version=0.0.4; charset=utf-8", std::move(to.out)));
}

} // namespace

http::response page_not_found() {
  return http::answer(404, "text/plain; charset=utf-8", "404 page not found\n");
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
  if (first == "api" || first == "apis") return answer_discovery(g, *c, parts);
  if (first == "openapi") return openapi(g, *c, parts);
  if (first == "version" && parts.size() == 1) {
    c->media.pretty = true; // for whoever asks: so it has always been
    return c->answer(json_answer(200, version_json, c->media));
  }
  if ((first == "healthz" || first == "livez" || first == "readyz") && parts.size() <= 2)
    return answer_health(g, c, first, parts.size() == 2 ? parts[1] : std::string{});
  if (first == "metrics" && parts.size() == 1) return metrics(g, *c);
  if (c->where.path == transactions_path) return transact(g, std::move(c));
  if (c->where.path.starts_with("/troupe/v1/actors")) return ask_actors(g, std::move(c));
  if (c->where.path == log_level_path) return answer_log_level(std::move(c));
  if (c->where.path == "/.well-known/openid-configuration") return issuer(g, *c, false);
  if (c->where.path == "/openid/v1/jwks") return issuer(g, *c, true);
  c->answer(page_not_found());
}

} // namespace troupe::gateway
