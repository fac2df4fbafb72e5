#include "net/link/mux.hpp"

namespace troupe::link {

const uint16_t version_oldest = 1, version_newest = 1;

} // namespace troupe::link
