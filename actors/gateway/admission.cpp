#include "actors/gateway/admission.hpp"

#include "actors/gateway/admission/parts.hpp"

namespace troupe::gateway {

namespace {

using part_of_chain = result<void> (*)(const admission_request&);

template<size_t Count>
result<void> run(const part_of_chain (&chain)[Count], const admission_request& request) {
  for (auto part : chain)
    if (auto ok = part(request); !ok) return ok;
  return {};
}

} // namespace

result<void> admit(const admission_request& request) {
  static constexpr part_of_chain chain[] = {
      admit_node_restriction, admit_limit_range,   admit_service_account, admit_tolerations,
      admit_priority,         admit_runtime_class, admit_storage,         admit_ingress_class,
      admit_certificate,      admit_escalation,    admit_service,
  };
  return run(chain, request);
}

result<void> review(const admission_request& request) {
  // Quota counts what everything else lets pass.
  static constexpr part_of_chain chain[] = {
      review_limit_range,   review_service_account, review_priority_class,
      review_runtime_class, review_storage,         review_quota,
  };
  return run(chain, request);
}

} // namespace troupe::gateway
