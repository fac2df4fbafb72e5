// The way out of a network that nobody outside knows: what comes from it and leaves the machine
// goes in the machine's own name.
#pragma once

#include "messages/base/address.hpp"
#include "messages/base/error.hpp"

#include <string>

namespace troupe::dataplane::masquerade {

/// From `inside` to anywhere else, in a table of that name. Harmless to repeat.
result<void> stand(const std::string& table, const network& inside);
bool stands(const std::string& table);
/// Nothing of it is left.
void leave(const std::string& table);

} // namespace troupe::dataplane::masquerade
