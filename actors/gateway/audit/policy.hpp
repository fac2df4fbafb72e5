// Which requests the audit log tells of, and how much of each: a Policy of audit.k8s.io/v1. Pure.
#pragma once

#include "actors/gateway/rbac.hpp"
#include "messages/api/audit.pb.h"

namespace troupe::gateway {

enum class audit_level : uint8_t { none, metadata, request, request_response };
enum class audit_stage : uint8_t { request_received, response_started, response_complete, panic };

std::string_view to_string(audit_level level);
std::string_view to_string(audit_stage stage);

/// What is told of one request.
struct audit_verdict {
  audit_level level = audit_level::none;
  uint8_t omitted = 0; ///< a bit for each stage
  bool without_managed_fields = false;

  bool tells(audit_stage stage) const {
    return level != audit_level::none && !(omitted >> static_cast<int>(stage) & 1);
  }
};

class audit_policy {
public:
  /// Reads a policy file, YAML or JSON; bad_request says what is wrong with it.
  static result<audit_policy> read(std::string_view text);

  /// By the first rule that fits; nothing is told of what no rule fits. Whatever rules say, objects
  /// that hold secrets or tokens are never told: their requests are told by their metadata at most.
  audit_verdict judge(const user& who, const attributes& wanted) const;

private:
  k8s::audit::v1::Policy held_;
};

} // namespace troupe::gateway
