#include "bin/signals.hpp"

#include <csignal>
#include <pthread.h>

namespace troupe {

namespace {

sigset_t ending() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

} // namespace

void block_signals() {
  auto set = ending();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal() {
  auto set = ending();
  int got = 0;
  sigwait(&set, &got);
  return got;
}

} // namespace troupe
