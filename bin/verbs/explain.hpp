// Fields of kinds, for completion.
#pragma once

#include <string>
#include <vector>

namespace troupe::verbs {

class session;

/// What "deploy.spec.te" may become: "deploy.spec.template" and its neighbours, unsorted out.
std::vector<std::string> complete_field(session& s, const std::string& begun);

} // namespace troupe::verbs
