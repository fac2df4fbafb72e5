// A network of one's own for a test: a thread in a new network namespace that goes when the thread
// does. Needs root.
#pragma once

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <net/if.h>
#include <sched.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace troupe::test {

/// Runs `body` in a new network namespace whose loopback is up.
inline void in_new_network(const std::function<void()>& body) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      if (unshare(CLONE_NEWNET) < 0)
        throw std::runtime_error(std::string("this test needs root to make a network: ") +
                                 strerror(errno));
      int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      ifreq lo{};
      strcpy(lo.ifr_name, "lo");
      lo.ifr_flags = IFF_UP;
      if (ioctl(s, SIOCSIFFLAGS, &lo) < 0) throw std::runtime_error("cannot set lo up");
      close(s);
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

/// Where other threads find the namespace of this one.
inline std::string own_network_path() {
  return "/proc/" + std::to_string(getpid()) + "/task/" + std::to_string(gettid()) + "/ns/net";
}

} // namespace troupe::test
