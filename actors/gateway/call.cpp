#include "actors/gateway/call.hpp"

#include "actors/gateway/sealed.hpp"
#include "actors/gateway/versions.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/table.hpp"
#include "messages/codec/yaml.hpp"
#include "net/http/gzip.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

std::string quoted_header(std::string_view text) {
  std::string out = "\"";
  for (auto c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

} // namespace

void call::warn(std::string text) {
  constexpr size_t warnings_max = 32;
  if (warnings.size() < warnings_max &&
      std::find(warnings.begin(), warnings.end(), text) == warnings.end())
    warnings.push_back(std::move(text));
}

void call::say_about(http::header_list& headers) const {
  for (auto& w : warnings) headers.emplace_back("Warning", "299 - " + quoted_header(w));
  headers.emplace_back("Cache-Control", "no-cache, private");
  if (!audit_id.empty()) headers.emplace_back("Audit-Id", audit_id);
}

http::stream call::stream(int status, std::string content_type) {
  http::header_list headers{{"Content-Type", std::move(content_type)}};
  say_about(headers);
  return responder.stream(status, std::move(headers));
}

void call::answer(http::response r) {
  say_about(r.headers);
  // Single objects are small, watches are streams: lists and documents are what is worth it.
  if (where.verb == "get" || where.verb == "list") http::compress_if_wanted(request, r);
  responder.reply(std::move(r));
}

http::response json_answer(int status, std::string json, const media& as) {
  if (as.as == format::yaml) {
    if (auto text = yaml::from_json(json)) json = std::move(*text);
  }
  if (as.as == format::json && as.pretty)
    json = json::indent(json) + "\n";
  else if (as.as == format::json)
    json += '\n';
  return http::answer(status, std::string(content_type(as.as)), std::move(json));
}

http::response object_answer(const call& c, int status, std::string_view stored,
                             uint64_t revision) {
  auto& kind = *c.kind;
  if (c.media.what == shape::table) {
    codec::table table(kind, codec::include_of(c.query.get("includeObject")), c.media.table_version,
                       c.now.seconds);
    table.add(shown_otherwise(kind) ? from_stored(kind, stored) : std::string(stored), revision);
    return json_answer(status, table.finish(std::to_string(revision), {}, {}), c.media);
  }
  if (c.media.as == format::protobuf) {
    auto bytes = sealed(kind, c.media, write_protobuf(kind, stored, revision));
    return http::answer(status, std::string(content_type(c.media.as)), std::move(bytes));
  }
  if (c.media.what == shape::partial) {
    std::string out;
    codec::write_partial(stored, revision, c.media.table_version, out);
    return json_answer(status, std::move(out), c.media);
  }
  std::string out;
  out.reserve(stored.size() * 2 + 256);
  write_json(kind, stored, revision, out);
  return json_answer(status, std::move(out), c.media);
}

void call::answer_object(int status, std::string_view stored, uint64_t revision) {
  answer(object_answer(*this, status, stored, revision));
}

void call::answer_document(int status, std::string_view api_version, std::string_view kind_name,
                           const google::protobuf::Message& document) {
  if (media.as == format::protobuf)
    return answer(
        http::answer(status, std::string(content_type(media.as)),
                     codec::seal_envelope(api_version, kind_name, codec::to_wire(document))));
  answer(json_answer(status, codec::to_json(document, {api_version, kind_name, {}}), media));
}

} // namespace troupe::gateway
