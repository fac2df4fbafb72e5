#include "actors/client/cluster.hpp"

#include "messages/api/status.pb.h"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/wire.hpp"
#include "net/http/url.hpp"

#include <mutex>
#include <unordered_map>

namespace troupe::client {

namespace {

constexpr const char* protobuf_type = "application/vnd.kubernetes.protobuf";

std::string query_of(const selection& chosen) {
  return "?labelSelector=" + http::percent_encoded(chosen.labels) +
         "&fieldSelector=" + http::percent_encoded(chosen.fields);
}

std::string text_at(const json::value& object, const char* field) {
  return std::string(json::string_at(object, {"metadata", field}));
}

result<void> read_into(google::protobuf::Message& out, std::string_view bytes) {
  auto inside = codec::open_envelope(bytes);
  if (!inside) return inside.error();
  if (!out.ParsePartialFromArray(inside->raw.data(), static_cast<int>(inside->raw.size())))
    return error{errc::corrupt, "the cluster sent an object that cannot be read"};
  return {};
}

} // namespace

error failure_of(const answer& got) {
  std::string reason, message = got.body;
  if (codec::is_envelope(got.body)) {
    k8s::meta::v1::Status status;
    if (read_into(status, got.body)) {
      reason = status.reason();
      message = status.message();
    }
  } else if (auto read = json::parse(got.body)) {
    reason = json::string_at(*read, {"reason"});
    message = json::string_at(*read, {"message"});
  }
  for (auto code : {errc::already_exists, errc::conflict, errc::not_found, errc::forbidden,
                    errc::unauthorized, errc::invalid, errc::gone, errc::expired,
                    errc::too_many_requests, errc::unavailable, errc::bad_request, errc::timeout})
    if (!reason.empty() && info(code).reason == reason) return {code, message};
  return {got.status == 503   ? errc::unavailable
          : got.status == 404 ? errc::not_found
                              : errc::internal,
          message.empty() ? "the cluster answered " + std::to_string(got.status) : message};
}

std::string object_path(std::string_view group, std::string_view version, std::string_view ns,
                        std::string_view plural, std::string_view name,
                        std::string_view subresource) {
  auto out = group.empty() ? "/api/" + std::string(version)
                           : "/apis/" + std::string(group) + "/" + std::string(version);
  if (!ns.empty()) out += "/namespaces/" + http::percent_encoded(ns);
  out += "/" + std::string(plural);
  if (!name.empty()) out += "/" + http::percent_encoded(name);
  if (!subresource.empty()) out += "/" + std::string(subresource);
  return out;
}

const kind_name& kind_of(const google::protobuf::Descriptor* type) {
  static std::mutex mutex;
  static std::unordered_map<const google::protobuf::Descriptor*, kind_name> known;
  std::lock_guard lock{mutex};
  auto& out = known[type];
  if (out.plural.empty())
    for (auto& k : schema::registry::built_in()->all())
      if (k.prototype && k.prototype->GetDescriptor() == type)
        out = {k.group, k.version, k.plural, k.name, k.namespaced};
  return out;
}

result<cluster> cluster::connect(const settings& given, std::chrono::milliseconds patience) {
  auto over = connection::open(given, patience);
  if (!over) return over.error();
  return cluster{std::move(*over)};
}

result<std::string> cluster::call(std::string method, std::string target, std::string body,
                                  std::string type, std::string accept) const {
  request what{std::move(method), std::move(target), {{"Accept", std::move(accept)}}, {}};
  what.headers.emplace_back("User-Agent", "troupe-library");
  if (!type.empty()) what.headers.emplace_back("Content-Type", std::move(type));
  what.body = std::move(body);
  auto got = over_->ask(what);
  if (!got) return got.error();
  if (!got->good()) return failure_of(*got);
  return std::move(got->body);
}

result<void> cluster::get_into(google::protobuf::Message& out, const kind_name& kind,
                               std::string_view ns, std::string_view name) const {
  auto text = call("GET", kind.path(ns, name), {}, {}, protobuf_type);
  if (!text) return text.error();
  return read_into(out, *text);
}

result<void> cluster::list_each(const kind_name& kind, const selection& chosen,
                                const std::function<bool(std::string_view)>& each) const {
  auto text = call("GET", kind.path(chosen.ns) + query_of(chosen), {}, {}, protobuf_type);
  if (!text) return text.error();
  auto inside = codec::open_envelope(*text);
  if (!inside) return inside.error();
  // Of every list, field 1 is its metadata and field 2 its items.
  codec::wire::reader in{inside->raw};
  while (in.next())
    if (in.number == 2 && !each(in.data))
      return error{errc::corrupt, "the cluster sent a list that cannot be read"};
  return {};
}

result<void> cluster::put_into(google::protobuf::Message& out, std::string method,
                               const kind_name& kind, const google::protobuf::Message& object,
                               std::string_view ns, std::string_view name,
                               std::string_view subresource) const {
  auto body = codec::seal_envelope(kind.api_version(), kind.kind, codec::to_wire(object));
  auto text = call(std::move(method), kind.path(ns, name, subresource), std::move(body),
                   protobuf_type, protobuf_type);
  if (!text) return text.error();
  return read_into(out, *text);
}

result<void> cluster::apply_into(google::protobuf::Message& out, const kind_name& kind,
                                 const google::protobuf::Message& object, std::string_view ns,
                                 std::string_view name, std::string_view manager,
                                 bool force) const {
  auto text = call("PATCH",
                   kind.path(ns, name) + "?fieldManager=" + http::percent_encoded(manager) +
                       (force ? "&force=true" : ""),
                   codec::to_json(object, {kind.api_version(), kind.kind, {}}),
                   "application/apply-patch+yaml", protobuf_type);
  if (!text) return text.error();
  return read_into(out, *text);
}

namespace {

result<json::value> parsed(result<std::string> text) {
  if (!text) return text.error();
  return json::parse(*text);
}

} // namespace

result<json::value> cluster::get(const kind_name& kind, std::string_view ns,
                                 std::string_view name) const {
  return parsed(call("GET", kind.path(ns, name)));
}

result<std::vector<json::value>> cluster::list(const kind_name& kind,
                                               const selection& chosen) const {
  auto read = parsed(call("GET", kind.path(chosen.ns) + query_of(chosen)));
  if (!read) return read.error();
  std::vector<json::value> out;
  if (auto items = json::find(*read, "items"); items && items->is_array())
    out.assign(items->get_array().begin(), items->get_array().end());
  return out;
}

result<json::value> cluster::create(const kind_name& kind, const json::value& object) const {
  return parsed(call("POST", kind.path(text_at(object, "namespace")), json::write(object),
                     "application/json"));
}

result<json::value> cluster::update(const kind_name& kind, const json::value& object,
                                    std::string_view subresource) const {
  return parsed(call("PUT",
                     kind.path(text_at(object, "namespace"), text_at(object, "name"), subresource),
                     json::write(object), "application/json"));
}

result<json::value> cluster::patch(const kind_name& kind, std::string_view ns,
                                   std::string_view name, const json::value& changes,
                                   std::string_view subresource) const {
  return parsed(call("PATCH", kind.path(ns, name, subresource), json::write(changes),
                     "application/merge-patch+json"));
}

result<json::value> cluster::apply(const kind_name& kind, const json::value& object,
                                   std::string_view manager, bool force) const {
  return parsed(call("PATCH",
                     kind.path(text_at(object, "namespace"), text_at(object, "name")) +
                         "?fieldManager=" + http::percent_encoded(manager) +
                         (force ? "&force=true" : ""),
                     json::write(object), "application/apply-patch+yaml"));
}

result<void> cluster::remove(const kind_name& kind, std::string_view ns,
                             std::string_view name) const {
  auto done = call("DELETE", kind.path(ns, name),
                   R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"})",
                   "application/json");
  if (!done) return done.error();
  return {};
}

result<kind_name> cluster::find_kind(std::string_view api_version, std::string_view kind) const {
  if (auto k = schema::registry::built_in()->by_kind(api_version, kind))
    return kind_name{k->group, k->version, k->plural, k->name, k->namespaced};
  auto [group, version] = schema::split_api_version(api_version);
  auto read = parsed(call("GET", "/apis/" + std::string(group) + "/" + std::string(version)));
  if (!read) return read.error();
  if (auto all = json::find(*read, "resources"); all && all->is_array())
    for (auto& r : all->get_array()) {
      auto name = json::string_at(r, {"name"});
      if (json::string_at(r, {"kind"}) != kind || name.find('/') != name.npos) continue;
      auto namespaced = json::find(r, "namespaced");
      return kind_name{std::string(group), std::string(version), std::string(name),
                       std::string(kind),
                       namespaced && namespaced->is_bool() && namespaced->get_bool()};
    }
  return error{errc::not_found,
               "the cluster has no kind " + std::string(kind) + " in " + std::string(api_version)};
}

result<uint64_t> cluster::transact(const std::vector<write>& all) const {
  constexpr const char* words[] = {"create", "update", "update_status", "remove"};
  json::array writes;
  for (auto& w : all)
    writes.push_back(
        json::object{{"verb", words[static_cast<size_t>(w.what)]}, {"object", w.object}});
  auto read = parsed(call("POST", "/troupe/v1/transactions",
                          json::write(json::value(json::object{{"writes", std::move(writes)}})),
                          "application/json"));
  if (!read) return read.error();
  return strtoull(std::string(json::string_at(*read, {"revision"})).c_str(), nullptr, 10);
}

result<std::vector<std::string>> cluster::actors() const {
  auto read = parsed(call("GET", "/troupe/v1/actors"));
  if (!read) return read.error();
  std::vector<std::string> out;
  if (auto items = json::find(*read, "items"); items && items->is_array())
    for (auto& each : items->get_array()) out.emplace_back(json::string_at(each, {"name"}));
  return out;
}

result<json::value> cluster::ask(std::string_view actor, std::string_view word) const {
  return parsed(call("GET", "/troupe/v1/actors/" + std::string(actor) +
                                "?word=" + http::percent_encoded(word)));
}

result<void> cluster::tell(std::string_view actor, std::string_view word) const {
  auto done = call("POST", "/troupe/v1/actors/" + std::string(actor) +
                               "?word=" + http::percent_encoded(word));
  if (!done) return done.error();
  return {};
}

} // namespace troupe::client
