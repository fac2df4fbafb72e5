#include "storage/prompt_thread.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace troupe::storage {

namespace {
constexpr int niceness = -10; // nine times the share of others, and it wakes up before them
}

void be_prompt() {
  // The other way round, with all others nicer, containers would inherit it from whoever starts
  // them, and nobody but root could take it back.
  sched_param none{};
  if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none) != 0) return;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness);
}

} // namespace troupe::storage
