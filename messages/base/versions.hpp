// Versions of API groups in the order in which people are offered them.
#pragma once

#include <string_view>

namespace troupe {

/// Whether `a` goes before `b`: "v2" before "v1", both before "v3beta1", that before "v4alpha1",
/// and names of other kinds last, in the order of letters.
bool version_before(std::string_view a, std::string_view b);

} // namespace troupe
