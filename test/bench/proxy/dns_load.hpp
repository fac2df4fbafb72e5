// Answers of the cluster's name server, counted beside the CPU time that they took.
#pragma once

namespace troupe::bench {

/// Asks a server that knows `services` names for `seconds`, from another process, and prints.
void dns_load(int services, double seconds);

} // namespace troupe::bench
