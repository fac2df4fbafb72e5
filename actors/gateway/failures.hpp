// Failures in the words and shapes that Kubernetes clients know: who was not found, what conflicts,
// which fields are invalid; and the Status document that carries them. Pure.
#pragma once

#include "messages/api/status.pb.h"
#include "messages/schema/kind.hpp"
#include "net/http/response.hpp"
#include "actors/gateway/media.hpp"

namespace troupe::gateway {

error not_found(const schema::kind& kind, std::string_view name);
error already_exists(const schema::kind& kind, std::string_view name);
/// Somebody else changed the object in between, or a precondition does not hold.
error conflict(const schema::kind& kind, std::string_view name, std::string_view why);
error stale(const schema::kind& kind, std::string_view name);
error invalid(const schema::kind& kind, std::string_view name, std::vector<cause> causes);
error invalid(std::string_view group, std::string_view kind, std::string_view name,
              std::vector<cause> causes);
error forbidden(const schema::kind& kind, std::string_view name, std::string_view why);
/// Nothing is made in a namespace that goes; and whether a failure says so.
error namespace_goes(const schema::kind& kind, std::string_view name, const std::string& ns);
bool for_namespace_goes(const error& failure);
error no_such_resource();
error method_not_supported();

/// The Status document of a failure, as JSON, or in Protobuf in its envelope.
std::string status_json(const error& failure);
std::string status_protobuf(const error& failure);
/// The Status of what was done, and of a deletion that is complete.
k8s::meta::v1::Status success(int code = 0);
k8s::meta::v1::Status success(const schema::kind& kind, std::string_view name,
                              std::string_view uid);

/// A Status, and one that tells a failure, in the form the client asked for.
http::response status_answer(int http_status, const k8s::meta::v1::Status& status,
                             const media& as = {});
http::response failure_answer(const error& failure, const media& as = {});
/// `json`, in the form the client asked for.
http::response json_answer(int status, std::string json, const media& as = {});

} // namespace troupe::gateway
