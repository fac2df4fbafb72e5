// What an object uses of a resource quota, and which quotas cover it. Pure: admission charges by
// it, and the recount adds up by it.
#pragma once

#include "messages/api/pod.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/base/quantity.hpp"
#include "messages/base/time.hpp"
#include "messages/schema/kind.hpp"

#include <map>
#include <optional>
#include <string>

namespace troupe::gateway {

/// Amounts by the names that quotas count them under: "pods", "requests.cpu", "count/jobs.batch".
using usage = std::map<std::string, quantity>;

quantity amount_of(const k8s::base::Quantity& q);

/// A pod that should be gone by `now` uses nothing: nobody pays for what a lost machine keeps.
usage usage_of(const schema::kind& kind, const google::protobuf::Message& object, timestamp now);
/// Until when a pod that is going counts, in seconds; nothing if it stays.
std::optional<int64_t> counts_until(const k8s::core::v1::Pod& pod);

/// Whether the quota's scopes cover an object.
bool covers(const k8s::core::v1::ResourceQuota& q, const google::protobuf::Message& object);

} // namespace troupe::gateway
