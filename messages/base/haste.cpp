#include "messages/base/haste.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace troupe {

namespace {

constexpr int hasty = -10;

thread_local bool goes_first = false;

/// In Linux, of one thread.
void set_niceness(pid_t thread, int niceness) {
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(thread), niceness);
}

} // namespace

void go_first() {
  goes_first = true;
  set_niceness(0, hasty);
}

void lent_haste::serve_here() {
  if (server_ != 0) return;
  usual_ = getpriority(PRIO_PROCESS, 0);
  server_ = gettid();
}

void lent_haste::lend() {
  if (!goes_first || server_ == 0 || lent_.exchange(true)) return;
  set_niceness(server_, hasty);
}

void lent_haste::give_back() {
  if (lent_ && lent_.exchange(false)) set_niceness(0, usual_);
}

} // namespace troupe
