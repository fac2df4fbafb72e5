// What makes a program of the next version out of this one: linked before the library's own.
#include "net/link/mux.hpp"

namespace troupe::link {

const uint16_t version_oldest = 1, version_newest = 2;

} // namespace troupe::link
