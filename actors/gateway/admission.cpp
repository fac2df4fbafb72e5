#include "actors/gateway/admission.hpp"

#include "actors/gateway/admission/parts.hpp"

namespace troupe::gateway {

result<void> admit(const admission_request& request) {
  // Those that change the object come before those that judge it; quota counts what is left.
  static constexpr result<void> (*chain[])(const admission_request&) = {
      admit_node_restriction, admit_limit_range,   admit_service_account, admit_tolerations,
      admit_priority,         admit_runtime_class, admit_storage,         admit_ingress_class,
      admit_certificate,      admit_escalation,    admit_service,         admit_quota,
  };
  for (auto part : chain)
    if (auto ok = part(request); !ok) return ok;
  return {};
}

} // namespace troupe::gateway
