// One line of the audit log: a request at one stage of its way, as an Event of audit.k8s.io/v1.
// Pure.
#pragma once

#include "actors/gateway/audit/policy.hpp"
#include "actors/gateway/media.hpp"
#include "actors/gateway/route.hpp"
#include "messages/base/time.hpp"
#include "net/http/response.hpp"

#include <memory>
#include <optional>

namespace troupe::gateway {

/// What is known of a request when it comes.
struct audited_request {
  audit_verdict verdict;
  std::string id;
  std::string uri;
  std::string address;
  std::string agent;
  std::string content_type;
  std::string body; ///< empty unless the level asks for it
  route where;
  user who;
  timestamp received;
};

/// What is known of it at a stage.
struct audit_event {
  std::shared_ptr<const audited_request> of;
  audit_stage stage = audit_stage::request_received;
  timestamp at;
  int status = 0; ///< 0: not answered yet
  std::string content_type;
  std::vector<http::bytes> answer; ///< empty unless the level asks for it
  std::optional<user> acting;      ///< whom the request acts as, by impersonation
  std::string decision, reason;    ///< of authorization

  /// About what it keeps in memory.
  size_t size_bytes() const;
};

/// The event as one line of JSON, with its line break.
std::string audit_line(const audit_event& event);

} // namespace troupe::gateway
