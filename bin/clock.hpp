// Where time and chance come from in life: everything below is given them as arguments.
#pragma once

#include "messages/base/time.hpp"

#include <cstdint>

namespace troupe {

timestamp wall_clock();

/// From the kernel. Any thread.
uint64_t entropy();

} // namespace troupe
