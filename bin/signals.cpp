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
  sigaddset(&set, SIGHUP);
  return set;
}

} // namespace

void block_signals() {
  auto set = ending();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal(const std::function<void()>& on_hangup) {
  auto set = ending();
  for (;;) {
    int got = 0;
    sigwait(&set, &got);
    if (got != SIGHUP || !on_hangup) return got;
    on_hangup();
  }
}

} // namespace troupe
