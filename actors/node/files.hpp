// Files as a node needs them: opened without following anybody out of a directory, written whole or
// not at all, bounded when read.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::node {

/// A file descriptor that closes itself.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~descriptor() { reset(); }

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

private:
  int fd_ = -1;
};

/// What errno says about `what`: "cannot open /x: No such file or directory".
error system_error(std::string_view what, const std::filesystem::path& path);

/// The whole file; too_large beyond `bytes_max`.
result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max = 64 << 20);
/// Replaces the file in one step.
result<void> write_file(const std::filesystem::path& path, std::string_view text,
                        uint32_t mode = 0600);
result<void> make_directories(const std::filesystem::path& path, uint32_t mode = 0755);

/// Opens `path` as a process whose root is `root` would see it, symbolic links included: nothing
/// outside can be reached (openat2, RESOLVE_IN_ROOT). `flags` as for open(2).
result<descriptor> open_in_root(int root, const std::string& path, int flags, uint32_t mode = 0);
result<descriptor> open_directory(const std::filesystem::path& path);
/// Makes `path` and its missing parents inside `root`, and opens it.
result<descriptor> make_directory_in_root(int root, const std::string& path, uint32_t mode = 0755);

/// "/proc/self/fd/N": the way to name an open file to calls that want paths.
std::string path_of(const descriptor& open);

/// Removes a tree without following links or leaving the file system it begins on.
void remove_tree(const std::filesystem::path& path);
/// Bytes that the files below occupy.
uint64_t tree_bytes(const std::filesystem::path& path);

/// Removes the mount at `path` and those below; nothing if there is none.
void unmount(const std::filesystem::path& path);
/// The mount points at or below `path`, the deepest first.
std::vector<std::string> mounts_below(const std::filesystem::path& path);

} // namespace troupe::node
