// Bootstrap tokens: short-lived secrets by which a machine that nobody knows yet may ask to join.
// Each is a Secret `bootstrap-token-<id>` in kube-system, as kubeadm has it.
#pragma once

#include "actors/gateway/user.hpp"
#include "messages/api/config.pb.h"
#include "messages/base/error.hpp"
#include "messages/base/time.hpp"
#include "storage/snapshot.hpp"

#include <optional>

namespace troupe::gateway {

inline constexpr const char* bootstrappers = "system:bootstrappers";
/// Those who may become servers, too: they get the keys of the cluster.
inline constexpr const char* server_bootstrappers = "system:bootstrappers:troupe:servers";

/// "abcdef.0123456789abcdef": id and secret.
struct bootstrap_token {
  std::string id, secret;
  static std::optional<bootstrap_token> parse(std::string_view text);
};

/// The user whom a bootstrap token stands for; nothing if it is no such token; unauthorized if
/// there is none with this secret, or its time is over.
result<std::optional<user>> check_bootstrap_token(const storage::snapshot& now, timestamp at,
                                                  std::string_view token);

/// The Secret of a token that holds until then (0: forever).
k8s::core::v1::Secret bootstrap_secret(const bootstrap_token& token, int64_t expires_at,
                                       const std::string& words, const std::string& group = {});

} // namespace troupe::gateway
