// Which Linux capabilities a container's processes get. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::runtime {

/// All names by number, as "CAP_CHOWN".
const std::vector<std::string>& all_capabilities();

/// Adds to and drops from what containers have by default; "ALL" means all. Names may come without
/// "CAP_". `bounding` is the set that this machine can give at all, one bit a number.
std::vector<std::string> container_capabilities(const std::vector<std::string>& add,
                                                const std::vector<std::string>& drop,
                                                bool privileged, uint64_t bounding);

} // namespace troupe::runtime
