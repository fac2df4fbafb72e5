#include "bin/notify.hpp"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace troupe {

void notify(std::string_view state) {
  auto path = getenv("NOTIFY_SOCKET");
  if (!path || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  auto size = strlen(path);
  if (size >= sizeof to.sun_path) return;
  memcpy(to.sun_path, path, size);
  if (path[0] == '@') to.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  (void)!sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to),
                length);
  close(fd);
}

watchdog::watchdog(std::function<bool()> turns) : turns_{std::move(turns)} {
  auto text = getenv("WATCHDOG_USEC");
  auto period = std::chrono::microseconds{text ? atoll(text) : 0} / 2;
  if (period.count() <= 0) return;
  thread_ = std::thread([this, period] {
    std::unique_lock lock{mutex_};
    while (!ending_.wait_for(lock, period, [this] { return over_; }))
      if (turns_()) notify("WATCHDOG=1");
  });
}

watchdog::~watchdog() {
  {
    std::lock_guard lock{mutex_};
    over_ = true;
  }
  ending_.notify_all();
  if (thread_.joinable()) thread_.join();
}

} // namespace troupe
