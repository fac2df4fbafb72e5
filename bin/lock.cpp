#include "bin/lock.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

namespace troupe {

result<data_lock> data_lock::take(const std::filesystem::path& data) {
  std::error_code failed;
  std::filesystem::create_directories(data, failed);
  data_lock out;
  auto path = data / "lock";
  out.fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (out.fd_ < 0)
    return error{errc::internal, "cannot write in " + data.string() + ": " + strerror(errno)};
  if (flock(out.fd_, LOCK_EX | LOCK_NB) != 0)
    return error{errc::conflict, "a cluster runs from " + data.string() +
                                     " already: end it first (Ctrl-C), or choose another --data"};
  auto own = std::to_string(getpid());
  if (ftruncate(out.fd_, 0) != 0 || write(out.fd_, own.data(), own.size()) < 0)
    return error{errc::internal, "cannot write in " + data.string() + ": " + strerror(errno)};
  return out;
}

int data_lock::holder(const std::filesystem::path& data) {
  int fd = open((data / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[32] = {};
  bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
  auto size = held ? read(fd, text, sizeof text - 1) : 0;
  close(fd);
  return size > 0 ? atoi(text) : 0;
}

bool data_lock::known(const std::filesystem::path& data) {
  return std::filesystem::exists(data / "lock");
}

data_lock::data_lock(data_lock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

data_lock& data_lock::operator=(data_lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

data_lock::~data_lock() {
  if (fd_ >= 0) close(fd_);
}

} // namespace troupe
