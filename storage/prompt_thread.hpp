// Threads that others wait for, and that have little to do at a time: whoever writes the log, and
// who tells where a service's pods are.
#pragma once

namespace troupe::storage {

/// The calling thread goes before others of the machine where the system allows it (as root or with
/// CAP_SYS_NICE); elsewhere nothing changes. Threads and processes that it makes do not.
void be_prompt();

} // namespace troupe::storage
