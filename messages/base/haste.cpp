#include "messages/base/haste.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe {

namespace {

/// What the system call takes, for which the C library has no name yet.
struct place {
  uint32_t size = 48; ///< of the first version
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t niceness = 0;
  uint32_t priority = 0;
  uint64_t turn_ns = 0; ///< how long it wants to run at a time; 0: as others do
  uint64_t deadline = 0, period = 0;
};

/// Turns as short as Linux allows: who has had a short one and wakes is let in at once, instead of
/// after the turn of who runs (from Linux 6.12 on; before, this is ignored).
constexpr uint64_t short_turn_ns = 100'000;
constexpr place hasty{.niceness = -10, .turn_ns = short_turn_ns};

/// Before all that have no such place, and not behind the turn of who runs, which lasts until the
/// clock's next tick. Children have the usual one.
constexpr place at_once{
    .policy = SCHED_FIFO, .flags = 1 /* SCHED_FLAG_RESET_ON_FORK */, .priority = 1};

thread_local bool goes_first = false;

bool put(pid_t thread, place at) { return syscall(SYS_sched_setattr, thread, &at, 0) == 0; }

void put_first(pid_t thread) {
  if (!put(thread, at_once)) (void)put(thread, hasty);
}

} // namespace

void go_first() {
  goes_first = true;
  put_first(0);
}

void take_short_turns() {
  (void)put(0, {.niceness = getpriority(PRIO_PROCESS, 0), .turn_ns = short_turn_ns});
}

void haste::of_this_thread() {
  std::lock_guard lock{mutex_};
  if (thread_ != 0) return;
  usual_ = getpriority(PRIO_PROCESS, 0);
  thread_ = gettid();
}

void haste::ask() {
  if (goes_first) raise(asked);
}

void haste::raise(reason why) {
  std::lock_guard lock{mutex_};
  if (thread_ == 0 || reasons_ & why) return;
  reasons_ |= why;
  settle();
}

void haste::lower(reason why) {
  std::lock_guard lock{mutex_};
  if (!(reasons_ & why)) return;
  reasons_ &= static_cast<uint8_t>(~why);
  settle();
}

void haste::settle() {
  if (reasons_)
    put_first(thread_);
  else
    (void)put(thread_, place{.niceness = usual_});
}

} // namespace troupe
