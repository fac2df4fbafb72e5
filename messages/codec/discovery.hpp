// Discovery: which groups, versions and resources are served, as documents in the legacy and the
// aggregated form. Pure: from the registry of kinds to JSON, and from there to protobuf.
#pragma once

#include "messages/schema/kind.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::codec {

/// `/api`, `/apis`, `/apis/GROUP` and `/apis/GROUP/VERSION` (or `/api/v1`). Nothing if there is no
/// such group or version.
std::string core_versions_json(std::string_view server_address);
std::string groups_json(const schema::registry& kinds);
std::optional<std::string> group_json(const schema::registry& kinds, std::string_view group);
std::optional<std::string> resources_json(const schema::registry& kinds, std::string_view group,
                                          std::string_view version);

/// Any of the documents here as Kubernetes protobuf, in its envelope.
std::string discovery_protobuf(std::string_view json);

/// The aggregated form of `/api` (core) or `/apis`; `version` is "v2" or "v2beta1".
std::string aggregated_json(const schema::registry& kinds, bool core, std::string_view version);

} // namespace troupe::codec
