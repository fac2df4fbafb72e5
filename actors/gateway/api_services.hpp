// The APIServices of the groups that this server serves itself: they say that nobody else does, and
// in which order clients look at groups.
#pragma once

#include "messages/api/api_registration.pb.h"
#include "messages/schema/kind.hpp"

#include <vector>

namespace troupe::gateway {

/// Of every group and version among `kinds` that is always there.
std::vector<k8s::apiregistration::v1::APIService> own_api_services(const schema::registry& kinds,
                                                                   int64_t now_seconds);

} // namespace troupe::gateway
