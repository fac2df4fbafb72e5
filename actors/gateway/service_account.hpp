// Service account tokens: what they claim, who they stand for, and whether they still hold. The
// objects that a token is bound to must be there, unchanged; a token dies with its account, pod or
// secret.
#pragma once

#include "actors/gateway/call.hpp"
#include "net/tls/jws.hpp"

#include <chrono>

namespace troupe::gateway {

class gateway;

/// Asks for a token: POST .../serviceaccounts/NAME/token.
void create_token(gateway& g, call_ptr c);

/// The user that a token stands for; nothing if it is no token of ours; unauthorized if it does not
/// hold.
result<std::optional<user>> check_token(const tls::token_keys& keys, const storage::snapshot& now,
                                        const schema::registry& kinds, timestamp at,
                                        std::string_view token,
                                        const std::vector<std::string>& audiences);

} // namespace troupe::gateway
