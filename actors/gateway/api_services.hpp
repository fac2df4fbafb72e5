// The APIServices of the groups that this server serves itself: they say that nobody else does, and
// in which order clients look at groups. Those of custom kinds come and go with their definitions.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "messages/api/api_registration.pb.h"
#include "messages/schema/kind.hpp"

#include <vector>

namespace troupe::gateway {

/// Of every group and version among `kinds` that is always there.
std::vector<k8s::apiregistration::v1::APIService> own_api_services(const schema::registry& kinds,
                                                                   int64_t now_seconds);

/// Of every group and version that only definitions serve.
std::vector<k8s::apiregistration::v1::APIService> custom_api_services(const schema::registry& kinds,
                                                                      int64_t now_seconds);

/// Adds the APIServices that a definition's versions lack `now`.
void announce_versions(gateway& g, const call& c, const storage::snapshot& now,
                       const google::protobuf::Message& definition, storage::transaction& tx);
/// Removes those of versions that `old` serves, `fresh` (null: it goes) does not, and nobody else.
void withdraw_versions(const call& c, const storage::snapshot& now,
                       const google::protobuf::Message& old, const google::protobuf::Message* fresh,
                       storage::transaction& tx);

} // namespace troupe::gateway
