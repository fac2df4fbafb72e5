// The seccomp profile RuntimeDefault: which system calls a container may make. Pure.
#pragma once

#include <string>
#include <vector>

namespace troupe::runtime {

/// The profile as the OCI `seccomp` object, for processes with these capabilities.
std::string default_seccomp(const std::vector<std::string>& capabilities);

} // namespace troupe::runtime
