#include "actors/gateway/audit/event.hpp"

#include "actors/gateway/object.hpp"
#include "messages/base/json.hpp"
#include "messages/codec/json_encode.hpp"

#include <boost/json/object.hpp>

namespace troupe::gateway {

namespace {

using k8s::audit::v1::Event;

void set_user(k8s::authentication::v1::UserInfo& to, const user& who) {
  to.set_username(who.name);
  if (!who.uid.empty()) to.set_uid(who.uid);
  for (auto& g : who.groups) to.add_groups(g);
  for (auto& [key, values] : who.extra)
    for (auto& v : values) (*to.mutable_extra())[key].add_items(v);
}

void set_time(k8s::meta::v1::MicroTime& to, timestamp at) {
  to.set_seconds(at.seconds);
  to.set_nanos(at.nanos);
}

void drop_managed_fields(json::value& document) {
  auto strip = [](json::value& object) {
    if (auto members = object.if_object())
      if (auto metadata = members->if_contains("metadata"); metadata && metadata->is_object())
        metadata->get_object().erase("managedFields");
  };
  strip(document);
  if (auto members = document.if_object())
    if (auto items = members->if_contains("items"); items && items->is_array())
      for (auto& i : items->get_array()) strip(i);
}

/// A body as JSON, or nothing if it is in a form that cannot be told.
std::optional<json::value> document_of(std::string_view content_type, std::string_view body) {
  if (body.empty()) return {};
  std::string converted;
  if (content_type.find("yaml") != content_type.npos) {
    auto json = as_json(format::yaml, body);
    if (!json) return {};
    converted = std::move(*json);
    body = converted;
  } else if (content_type.find("protobuf") != content_type.npos) {
    return {};
  }
  auto tree = json::parse(body);
  if (!tree) return {};
  return std::move(*tree);
}

std::string joined(const std::vector<http::bytes>& pieces) {
  std::string out;
  for (auto& p : pieces) out += *p;
  return out;
}

void set_reference(k8s::audit::v1::ObjectReference& to, const route& where) {
  to.set_resource(where.plural);
  if (!where.ns.empty()) to.set_namespace_(where.ns);
  if (!where.name.empty()) to.set_name(where.name);
  if (!where.group.empty()) to.set_api_group(where.group);
  to.set_api_version(where.version);
  if (!where.subresource.empty()) to.set_subresource(where.subresource);
}

/// What an answer that is a Status says of itself, and the code of any other.
void set_status(k8s::meta::v1::Status& to, int code, const std::optional<json::value>& answer) {
  to.mutable_metadata();
  to.set_code(code);
  if (code < 400 || !answer) return;
  to.set_status("Failure");
  to.set_message(std::string(json::string_at(*answer, {"message"})));
  to.set_reason(std::string(json::string_at(*answer, {"reason"})));
}

} // namespace

size_t audit_event::size_bytes() const {
  constexpr size_t besides = 1024; // the strings that every request has
  auto size = besides + of->uri.size() + of->body.size();
  for (auto& piece : answer) size += piece->size();
  return size;
}

std::string audit_line(const audit_event& e) {
  auto& r = *e.of;
  Event out;
  out.set_level(std::string(to_string(r.verdict.level)));
  out.set_audit_id(r.id);
  out.set_stage(std::string(to_string(e.stage)));
  out.set_request_uri(r.uri);
  out.set_verb(r.where.verb);
  set_user(*out.mutable_user(), r.who);
  if (e.acting) set_user(*out.mutable_impersonated_user(), *e.acting);
  if (!r.address.empty()) out.add_source_ips(r.address);
  if (!r.agent.empty()) out.set_user_agent(r.agent);
  if (r.where.resource) set_reference(*out.mutable_object_ref(), r.where);
  set_time(*out.mutable_request_received_timestamp(), r.received);
  set_time(*out.mutable_stage_timestamp(), e.at);
  if (!e.decision.empty()) {
    (*out.mutable_annotations())["authorization.k8s.io/decision"] = e.decision;
    (*out.mutable_annotations())["authorization.k8s.io/reason"] = e.reason;
  }
  bool answered = e.stage != audit_stage::request_received;
  if (answered && r.verdict.level >= audit_level::request)
    if (auto sent = document_of(r.content_type, r.body)) {
      if (r.verdict.without_managed_fields) drop_managed_fields(*sent);
      if (auto name = json::string_at(*sent, {"metadata", "name"});
          r.where.resource && r.where.name.empty() && !name.empty())
        out.mutable_object_ref()->set_name(std::string(name));
      out.mutable_request_object()->set_raw(json::write(*sent));
    }
  if (e.status) {
    auto answer = document_of(e.content_type, joined(e.answer));
    set_status(*out.mutable_response_status(), e.status, answer);
    if (answer && r.verdict.level == audit_level::request_response) {
      if (r.verdict.without_managed_fields) drop_managed_fields(*answer);
      out.mutable_response_object()->set_raw(json::write(*answer));
    }
  }
  return codec::to_json(out, {"audit.k8s.io/v1", "Event", {}}) + "\n";
}

} // namespace troupe::gateway
