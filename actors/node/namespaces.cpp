#include "actors/node/namespaces.hpp"

#include <cstring>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds rest_after_take{50};

/// Runs `what` on a thread that ends afterwards, so that nobody else inherits its namespaces.
result<void> on_thread(const std::function<result<void>()>& what) {
  result<void> out;
  std::thread([&] { out = what(); }).join();
  return out;
}

result<void> raise_loopback() {
  descriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq lo{};
  strcpy(lo.ifr_name, "lo");
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!any || ioctl(any.get(), SIOCSIFFLAGS, &lo)) return system_error("raise", "lo");
  return {};
}

result<void> keep_own(const char* kind, const fs::path& file) {
  descriptor ns(open((std::string("/proc/thread-self/ns/") + kind).c_str(), O_RDONLY | O_CLOEXEC));
  if (!ns) return system_error("open the namespace", kind);
  return keep_namespace(ns, file);
}

} // namespace

result<descriptor> make_network_namespace() {
  descriptor made;
  auto done = on_thread([&]() -> result<void> {
    if (unshare(CLONE_NEWNET)) return system_error("make", "a network namespace");
    made.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!made) return system_error("open", "a network namespace");
    return raise_loopback();
  });
  if (!done) return done.error();
  return made;
}

result<void> keep_namespace(const descriptor& ns, const fs::path& file) {
  descriptor made(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0400));
  if (!made) return system_error("create", file);
  if (mount(path_of(ns).c_str(), file.c_str(), nullptr, MS_BIND, nullptr))
    return system_error("keep a namespace at", file);
  return {};
}

result<void> make_pod_namespaces(const std::string& hostname, const fs::path& uts,
                                 const fs::path& ipc) {
  return on_thread([&]() -> result<void> {
    int wanted = (uts.empty() ? 0 : CLONE_NEWUTS) | (ipc.empty() ? 0 : CLONE_NEWIPC);
    if (wanted && unshare(wanted)) return system_error("make", "namespaces");
    if (!uts.empty()) {
      if (sethostname(hostname.data(), hostname.size())) return system_error("name", hostname);
      if (auto kept = keep_own("uts", uts); !kept) return kept;
    }
    return ipc.empty() ? result<void>{} : keep_own("ipc", ipc);
  });
}

result<void> inside_network(const std::string& path, const std::function<result<void>()>& what) {
  return on_thread([&]() -> result<void> {
    descriptor ns(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!ns || setns(ns.get(), CLONE_NEWNET)) return system_error("enter", path);
    return what();
  });
}

namespace_reserve::namespace_reserve(size_t kept) : kept_{kept}, filler_{[this] { fill(); }} {}

namespace_reserve::~namespace_reserve() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  filler_.join();
}

result<descriptor> namespace_reserve::take() {
  {
    std::lock_guard lock(mutex_);
    if (!ready_.empty()) {
      auto out = std::move(ready_.front());
      ready_.pop_front();
      taken_ = std::chrono::steady_clock::now();
      wake_.notify_all();
      return out;
    }
  }
  return make_network_namespace();
}

void namespace_reserve::fill() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (ready_.size() >= kept_) {
      wake_.wait(lock);
      continue;
    }
    // Not beside the start that took one: both would wait for the kernel's one lock on networks.
    if (auto rested = taken_ + rest_after_take; std::chrono::steady_clock::now() < rested) {
      wake_.wait_until(lock, rested);
      continue;
    }
    lock.unlock();
    auto made = make_network_namespace();
    lock.lock();
    if (!made) return; // not now, perhaps never: take() tells why
    ready_.push_back(std::move(*made));
  }
}

} // namespace troupe::node
