// What may stand next on a command line: verbs, flags, kinds, names. For the shell and for those of
// the system.
#pragma once

#include "bin/verbs/session.hpp"

namespace troupe::verbs {

/// `words` are those in front of the one that is being typed, `begun` is how that one begins.
std::vector<std::string> complete(session& s, const std::vector<std::string>& words,
                                  const std::string& begun);

} // namespace troupe::verbs
