// How a long-running command ends: by a signal that one thread waits for.
#pragma once

#include <functional>

namespace troupe {

/// Before any thread is made: SIGINT and SIGTERM then only reach wait_for_signal().
void block_signals();
/// `on_hangup` is called for each SIGHUP, which ends nothing then. Soon after it began to wait, the
/// program has become as small as it is while nothing happens.
int wait_for_signal(const std::function<void()>& on_hangup = {});

} // namespace troupe
