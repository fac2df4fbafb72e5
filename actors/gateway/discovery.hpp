// Discovery: which groups, versions and resources are served, in the form that a client asks for.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// What an Accept header asks of discovery.
struct discovery_form {
  media content;
  std::string aggregated; ///< "v2" or "v2beta1"; empty for the legacy form
};

/// The first form of `accept` that can be given. Only `/api` and `/apis` have an aggregated one.
result<discovery_form> choose_discovery(std::string_view accept, bool aggregates);

/// Answers `/api`, `/apis` and what is below them; `parts` are the segments of the path.
void answer_discovery(gateway& g, call& c, const std::vector<std::string>& parts);

} // namespace troupe::gateway
