#include "actors/gateway/admission.hpp"

namespace troupe::gateway {

result<void> admit(const admission_request&) { return {}; }

} // namespace troupe::gateway
