/* A wall clock that is off by the seconds which the file $SHIFTED_CLOCK holds at that moment; loaded before
   other libraries. What counts time passed is left alone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { file_bytes = 16 };

static long shift(void) {
  static const char* held;
  if (!held) {
    const char* path = getenv("SHIFTED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void* seen = file < 0 ? MAP_FAILED : mmap(NULL, file_bytes, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    held = seen == MAP_FAILED ? "0" : seen;
  }
  return strtol(held, NULL, 10);
}

int clock_gettime(clockid_t which, struct timespec* into) {
  long failed = syscall(SYS_clock_gettime, which, into);
  if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) into->tv_sec += shift();
  return (int)failed;
}

int gettimeofday(struct timeval* into, void* zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}
