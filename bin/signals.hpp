// How a long-running command ends: by a signal that one thread waits for.
#pragma once

namespace troupe {

/// Before any thread is made: SIGINT and SIGTERM then only reach wait_for_signal().
void block_signals();
int wait_for_signal();

} // namespace troupe
