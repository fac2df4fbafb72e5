#include "net/tls/files.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::tls {

namespace {

constexpr size_t file_bytes_max = 1024 * 1024;

error failed(std::string_view doing, const std::filesystem::path& path) {
  const auto code = errno == ENOENT ? errc::not_found : errc::internal;
  return {code, std::string{doing} + " " + path.string() + ": " + std::strerror(errno)};
}

/// A descriptor that closes itself.
struct file {
  explicit file(int fd) : fd{fd} {}
  ~file() {
    if (fd >= 0) ::close(fd);
  }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  int fd;
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

result<void> replace(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  auto temporary = path.string() + ".new";
  ::unlink(temporary.c_str());
  {
    const file out{
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (out.fd < 0 || !write_all(out.fd, text) || ::fchmod(out.fd, mode) != 0 ||
        ::fsync(out.fd) != 0)
      return failed("cannot write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("cannot replace", path);
  auto parent = path.parent_path();
  if (parent.empty()) parent = ".";
  const file directory{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd >= 0) ::fsync(directory.fd);
  return {};
}

result<std::string> read(const std::filesystem::path& path, mode_t forbidden) {
  const file in{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (in.fd < 0) return failed("cannot open", path);
  struct stat facts {};
  if (::fstat(in.fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return error{errc::invalid, "not a regular file: " + path.string()};
  }
  if (facts.st_mode & forbidden)
    return error{errc::invalid, path.string() + " may be read by others than its owner: " +
                                    "run chmod 600 " + path.string()};
  std::string out;
  char buffer[16384];
  for (;;) {
    const auto n = ::read(in.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot read", path);
    if (n == 0) return out;
    out.append(buffer, static_cast<size_t>(n));
    if (out.size() > file_bytes_max)
      return error{errc::too_large, "larger than 1 MiB: " + path.string()};
  }
}

std::filesystem::path with_suffix(const std::filesystem::path& stem, const char* suffix) {
  return stem.string() + suffix;
}

} // namespace

result<void> save_private(const std::filesystem::path& path, std::string_view text) {
  return replace(path, text, 0600);
}

result<void> save_public(const std::filesystem::path& path, std::string_view text) {
  return replace(path, text, 0644);
}

result<std::string> load_file(const std::filesystem::path& path) { return read(path, 0); }

result<std::string> load_private(const std::filesystem::path& path) { return read(path, 0077); }

result<void> save(const key_pair& pair, const std::filesystem::path& stem) {
  if (auto done = save_private(with_suffix(stem, ".key"), pair.key_pem); !done) return done;
  return save_public(with_suffix(stem, ".crt"), pair.certificate_pem);
}

result<key_pair> load_pair(const std::filesystem::path& stem) {
  auto certificate = load_file(with_suffix(stem, ".crt"));
  if (!certificate) return certificate.error();
  auto key = load_private(with_suffix(stem, ".key"));
  if (!key) return key.error();
  return key_pair{std::move(*certificate), std::move(*key)};
}

} // namespace troupe::tls
