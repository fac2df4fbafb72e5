#include "storage/files.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

namespace troupe::storage {

namespace {

error failed(const std::string& what, const std::string& path) {
  auto code = errno == ENOSPC || errno == EDQUOT ? errc::storage_full : errc::internal;
  return {code, what + " " + path + ": " + std::strerror(errno)};
}

class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

class posix_file final : public file {
public:
  posix_file(descriptor fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  result<uint64_t> size() const override {
    struct stat info;
    if (::fstat(fd_.get(), &info) != 0) return failed("stat", path_);
    return static_cast<uint64_t>(info.st_size);
  }

  result<std::string> read(uint64_t offset, size_t size) const override {
    std::string out(size, '\0');
    size_t done = 0;
    while (done < size) {
      auto n =
          ::pread(fd_.get(), out.data() + done, size - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", path_);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    out.resize(done);
    return out;
  }

  result<void> write(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      auto n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("write", path_);
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return {};
  }

  result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return failed("sync", path_);
    return {};
  }

private:
  descriptor fd_;
  std::string path_;
};

class posix_directory final : public directory {
public:
  posix_directory(descriptor fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  result<std::vector<std::string>> list() const override {
    auto stream = ::opendir(path_.c_str());
    if (!stream) return failed("list", path_);
    std::vector<std::string> names;
    while (auto x = ::readdir(stream))
      if (x->d_name[0] != '.') names.emplace_back(x->d_name);
    ::closedir(stream);
    return names;
  }

  result<std::unique_ptr<file>> open(const std::string& name, bool create) override {
    auto flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0);
    descriptor fd{::openat(fd_.get(), name.c_str(), flags, 0600)};
    if (fd.get() < 0) return failed(create ? "create" : "open", full(name));
    return std::unique_ptr<file>{new posix_file{std::move(fd), full(name)}};
  }

  result<void> rename(const std::string& from, const std::string& to) override {
    if (::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) != 0)
      return failed("rename", full(from));
    return {};
  }

  result<void> remove(const std::string& name) override {
    if (::unlinkat(fd_.get(), name.c_str(), 0) != 0) return failed("remove", full(name));
    return {};
  }

  result<void> sync() override {
    if (::fsync(fd_.get()) != 0) return failed("sync", path_);
    return {};
  }

  result<space> room() const override {
    struct statvfs info;
    if (::fstatvfs(fd_.get(), &info) != 0) return failed("statvfs", path_);
    return space{uint64_t{info.f_bavail} * info.f_frsize, uint64_t{info.f_blocks} * info.f_frsize};
  }

private:
  std::string full(const std::string& name) const { return path_ + "/" + name; }

  descriptor fd_;
  std::string path_;
};

/// Names of file systems (statfs magic) that cannot hold a data directory.
const char* unfit_file_system(long magic) {
  switch (magic) {
  case 0x6969: return "NFS";
  case 0x517B: return "SMB";
  case 0xFE534D42: return "SMB2";
  case 0xFF534D42: return "CIFS";
  case 0x65735546: return "FUSE";
  case 0x01021997: return "9P";
  case 0x00C36400: return "Ceph";
  case 0x794c7630: return "overlayfs";
  default: return nullptr;
  }
}

result<void> make_directories(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    auto parent = path.substr(0, slash);
    if (::mkdir(parent.c_str(), slash == path.npos ? 0700 : 0755) != 0 && errno != EEXIST)
      return failed("create directory", parent);
    if (slash == path.npos) return {};
  }
}

result<void> claim(int fd, const std::string& path) {
  struct statfs info;
  if (::fstatfs(fd, &info) != 0) return failed("statfs", path);
  if (auto name = unfit_file_system(static_cast<long>(info.f_type)))
    return error{errc::invalid, path + " is on " + name +
                                    ", which does not keep what was synced: use a local disk"};
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return failed("lock", path);
  return error{errc::conflict, path + " is in use by another process"};
}

} // namespace

result<std::unique_ptr<directory>> open_posix_directory(const std::string& path, sharing how) {
  if (auto made = make_directories(path); !made) return made.error();
  descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() < 0) return failed("open directory", path);
  if (how == sharing::exclusive)
    if (auto claimed = claim(fd.get(), path); !claimed) return claimed.error();
  return std::unique_ptr<directory>{new posix_directory{std::move(fd), path}};
}

} // namespace troupe::storage
