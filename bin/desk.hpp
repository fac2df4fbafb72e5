// What the desks of a server have in common: the side of it that answers `troupe` commands under
// /troupe/v1/, in plain JSON.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "messages/base/json.hpp"

#include <string>

namespace troupe::desk {

/// Answers with the failure's status and {"message": why}.
void refuse(http::responder to, const error& why);
void tell(http::responder to, json::object what);

/// Whether the request comes from somebody in `group`, or from an administrator. `what` completes
/// "NAME may not ...".
result<void> allow(const gateway::gateway& api, const http::request& request, const char* group,
                   const std::string& what);

inline constexpr const char* administrators = "system:masters";

} // namespace troupe::desk
