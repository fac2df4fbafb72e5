#include "bin/clock.hpp"

#include <cstdlib>
#include <ctime>
#include <iterator>
#include <sys/random.h>

namespace troupe {

timestamp wall_clock() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return {t.tv_sec, static_cast<int32_t>(t.tv_nsec)};
}

uint64_t entropy() {
  // Filled a block at a time: a system call a number would cost more than the number.
  thread_local uint64_t pool[32];
  thread_local size_t left = 0;
  if (left == 0) {
    if (getrandom(pool, sizeof pool, 0) != sizeof pool) abort();
    left = std::size(pool);
  }
  return pool[--left];
}

} // namespace troupe
