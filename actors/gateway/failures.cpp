#include "actors/gateway/failures.hpp"

#include "messages/api/status.pb.h"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

constexpr const char* namespace_terminating = "NamespaceTerminating";

error about(errc code, const schema::kind& kind, std::string_view name, std::string message) {
  error e{code, std::move(message)};
  e.details = {.name = std::string(name), .group = kind.group, .kind = kind.plural};
  return e;
}

std::string quoted(const schema::kind& kind, std::string_view name) {
  return kind.group_resource() + " \"" + std::string(name) + "\"";
}

k8s::meta::v1::Status to_status(const error& failure) {
  auto& row = info(failure.code);
  k8s::meta::v1::Status s;
  s.mutable_metadata();
  s.set_status("Failure");
  s.set_message(failure.message);
  s.set_reason(std::string(row.reason));
  s.set_code(row.http_status);
  auto& d = failure.details;
  // What is not there or cannot be done has details even when they are empty: clients look in them.
  bool always = failure.code == errc::not_found || failure.code == errc::method_not_allowed;
  if (d == error_details{} && !always) return s;
  auto& out = *s.mutable_details();
  if (!d.name.empty()) out.set_name(d.name);
  if (!d.group.empty()) out.set_group(d.group);
  if (!d.kind.empty()) out.set_kind(d.kind);
  if (!d.uid.empty()) out.set_uid(d.uid);
  if (d.retry_after_seconds) out.set_retry_after_seconds(d.retry_after_seconds);
  for (auto& c : d.causes) {
    auto& cause = *out.add_causes();
    cause.set_reason(c.reason);
    cause.set_message(c.message);
    if (!c.field.empty()) cause.set_field(c.field);
  }
  return s;
}

std::string json_of(const k8s::meta::v1::Status& s) {
  return codec::to_json(s, {.api_version = "v1", .kind = "Status", .resource_version = {}});
}

std::string protobuf_of(const k8s::meta::v1::Status& s) {
  return codec::seal_envelope("v1", "Status", codec::to_wire(s));
}

/// Kubernetes tells of invalid ingresses and network policies under the group where they began: its
/// server still knows them there, and finds that name first.
std::string_view group_of_invalid(const schema::kind& kind) {
  bool moved =
      kind.group == "networking.k8s.io" && (kind.name == "Ingress" || kind.name == "NetworkPolicy");
  if (moved) return "extensions";
  return kind.group;
}

} // namespace

error not_found(const schema::kind& kind, std::string_view name) {
  return about(errc::not_found, kind, name, quoted(kind, name) + " not found");
}

error already_exists(const schema::kind& kind, std::string_view name) {
  return about(errc::already_exists, kind, name, quoted(kind, name) + " already exists");
}

error conflict(const schema::kind& kind, std::string_view name, std::string_view why) {
  return about(errc::conflict, kind, name,
               "Operation cannot be fulfilled on " + quoted(kind, name) + ": " + std::string(why));
}

error stale(const schema::kind& kind, std::string_view name) {
  return conflict(kind, name,
                  "the object has been modified; please apply your changes to the latest version "
                  "and try again");
}

error invalid(const schema::kind& kind, std::string_view name, std::vector<cause> causes) {
  return invalid(group_of_invalid(kind), kind.name, name, std::move(causes));
}

error invalid(std::string_view group, std::string_view kind, std::string_view name,
              std::vector<cause> causes) {
  std::string text;
  for (auto& c : causes) {
    if (!text.empty()) text += ", ";
    text += c.field.empty() ? c.message : c.field + ": " + c.message;
  }
  if (causes.size() > 1) text = "[" + text + "]";
  auto qualified = group.empty() ? std::string(kind) : std::string(kind) + "." + std::string(group);
  error e{errc::invalid, qualified + " \"" + std::string(name) + "\" is invalid: " + text};
  e.details = {.name = std::string(name), .group = std::string(group), .kind = std::string(kind)};
  e.details.causes = std::move(causes);
  return e;
}

error forbidden(const schema::kind& kind, std::string_view name, std::string_view why) {
  return about(errc::forbidden, kind, name,
               quoted(kind, name) + " is forbidden: " + std::string(why));
}

error namespace_goes(const schema::kind& kind, std::string_view name, const std::string& ns) {
  auto e = forbidden(kind, name,
                     "unable to create new content in namespace " + ns +
                         " because it is being terminated");
  e.details.causes = {
      {namespace_terminating, "namespace " + ns + " is being terminated", "metadata.namespace"}};
  return e;
}

bool for_namespace_goes(const error& failure) {
  auto& all = failure.details.causes;
  return std::any_of(all.begin(), all.end(),
                     [](auto& c) { return c.reason == namespace_terminating; });
}

error no_such_resource() {
  return {errc::not_found, "the server could not find the requested resource"};
}

error method_not_supported() {
  return {errc::method_not_allowed,
          "the server does not allow this method on the requested resource"};
}

std::string status_json(const error& failure) { return json_of(to_status(failure)); }

k8s::meta::v1::Status success(int code) {
  k8s::meta::v1::Status s;
  s.mutable_metadata();
  s.set_status("Success");
  if (code) s.set_code(code);
  return s;
}

k8s::meta::v1::Status success(const schema::kind& kind, std::string_view name,
                              std::string_view uid) {
  auto s = success();
  auto& d = *s.mutable_details();
  d.set_name(std::string(name));
  if (!kind.group.empty()) d.set_group(kind.group);
  d.set_kind(kind.plural);
  if (!uid.empty()) d.set_uid(std::string(uid));
  return s;
}

std::string status_protobuf(const error& failure) { return protobuf_of(to_status(failure)); }

http::response status_answer(int http_status, const k8s::meta::v1::Status& status,
                             const media& as) {
  if (as.as == format::protobuf)
    return http::answer(http_status, std::string(content_type(as.as)), protobuf_of(status));
  return json_answer(http_status, json_of(status), as);
}

http::response failure_answer(const error& failure, const media& as) {
  auto out = status_answer(info(failure.code).http_status, to_status(failure), as);
  if (failure.details.retry_after_seconds)
    out.headers.emplace_back("Retry-After", std::to_string(failure.details.retry_after_seconds));
  return out;
}

} // namespace troupe::gateway
