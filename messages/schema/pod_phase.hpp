// Phases of a pod.
#pragma once

#include <string_view>

namespace troupe::schema {

/// Whether a pod of this phase has come to its end: it runs no more and never will again.
inline bool is_over(std::string_view phase) { return phase == "Succeeded" || phase == "Failed"; }

} // namespace troupe::schema
