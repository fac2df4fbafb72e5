#include "bin/signals.hpp"

#include "bin/code_pages.hpp"

#include <cerrno>
#include <csignal>
#include <pthread.h>

namespace troupe {

namespace {

constexpr timespec settling{2, 0}; // what follows a start is over

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
  for (bool settled = false;;) {
    auto got = settled ? sigwaitinfo(&set, nullptr) : sigtimedwait(&set, nullptr, &settling);
    if (got < 0) {
      if (!settled && errno == EAGAIN) {
        give_back_code();
        settled = true;
      }
      continue;
    }
    if (got != SIGHUP || !on_hangup) return got;
    on_hangup();
  }
}

} // namespace troupe
