// Service account tokens: what they claim, who they stand for, and whether they still hold. The
// objects that a token is bound to must be there, unchanged; a token dies with its account, pod or
// secret.
#pragma once

#include "actors/gateway/call.hpp"
#include "net/tls/jws.hpp"

#include <chrono>

namespace troupe::gateway {

class gateway;

/// Who issues the tokens of service accounts, as they say themselves.
inline constexpr const char* token_issuer = "https://kubernetes.default.svc.cluster.local";

/// What a token says of its bearer.
struct token_claims {
  std::string ns, account, account_uid;
  std::vector<std::string> audiences; ///< empty: this cluster's API
  std::string bound_kind;             ///< "pod", "secret", "node"; empty if bound to nothing
  std::string bound_name, bound_uid;
  std::string node_name, node_uid; ///< where the pod runs that it is bound to
  int64_t now = 0, expires = 0;    ///< seconds
  uint64_t id = 0;
};
result<std::string> sign_token(const tls::token_keys& keys, const token_claims& claims);

/// The token that a secret holds for an account, in the older form: it never expires, and holds as
/// long as the secret does that it is kept in.
struct secret_claims {
  std::string ns, account, account_uid, secret;
};
result<std::string> sign_older_token(const tls::token_keys& keys, const secret_claims& claims);

/// The uid of a service account, unless it is not there or on its way out.
std::optional<std::string> account_uid(const storage::snapshot& now, std::string_view ns,
                                       std::string_view name);

/// Asks for a token: POST .../serviceaccounts/NAME/token.
void create_token(gateway& g, call_ptr c);

/// The user that a token stands for; nothing if it is no token of ours; unauthorized if it does not
/// hold.
result<std::optional<user>> check_token(const tls::token_keys& keys, const storage::snapshot& now,
                                        const schema::registry& kinds, timestamp at,
                                        std::string_view token,
                                        const std::vector<std::string>& audiences);

} // namespace troupe::gateway
