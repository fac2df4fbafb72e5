#include "bin/lock.hpp"

#include <cerrno>
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
  return out;
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
