#include "actors/node/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

void descriptor::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

error system_error(std::string_view what, const fs::path& path) {
  int why = errno;
  auto code = why == ENOENT   ? errc::not_found
              : why == ENOSPC ? errc::storage_full
              : why == EDQUOT ? errc::storage_full
                              : errc::internal;
  return {code, "cannot " + std::string(what) + " " + path.string() + ": " + strerror(why)};
}

result<std::string> read_file(const fs::path& path, size_t bytes_max) {
  descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("open", path);
  std::string out;
  char chunk[16384];
  for (ssize_t n; (n = read(fd.get(), chunk, sizeof chunk)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", path);
    if (out.size() + static_cast<size_t>(n) > bytes_max)
      return error{errc::too_large,
                   path.string() + " is larger than " + std::to_string(bytes_max) + " bytes"};
    out.append(chunk, static_cast<size_t>(n));
  }
  return out;
}

result<void> write_file(const fs::path& path, std::string_view text, uint32_t mode) {
  auto fresh = path;
  fresh += ".new" + std::to_string(gettid());
  descriptor fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return system_error("create", fresh);
  fchmod(fd.get(), mode);
  while (!text.empty()) {
    auto n = write(fd.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      auto why = system_error("write", fresh);
      unlink(fresh.c_str());
      return why;
    }
    text.remove_prefix(static_cast<size_t>(n));
  }
  if (rename(fresh.c_str(), path.c_str())) return system_error("replace", path);
  return {};
}

result<void> make_directories(const fs::path& path, uint32_t mode) {
  if (mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    if (auto above = make_directories(path.parent_path(), 0755); !above) return above;
    if (mkdir(path.c_str(), mode) == 0) return {};
  }
  struct stat st {};
  if (errno == EEXIST && stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return {};
  return system_error("make the directory", path);
}

result<descriptor> open_in_root(int root, const std::string& path, int flags, uint32_t mode) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  auto name = path.empty() ? "." : path.c_str();
  for (int tries = 0;; ++tries) {
    int fd = static_cast<int>(syscall(SYS_openat2, root, name, &how, sizeof how));
    if (fd >= 0) return descriptor(fd);
    if (errno != EAGAIN || tries > 100) return system_error("open", path); // a rename was under way
  }
}

result<descriptor> open_directory(const fs::path& path) {
  descriptor fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error("open", path);
  return fd;
}

result<descriptor> make_directory_in_root(int root, const std::string& path, uint32_t mode) {
  if (auto there = open_in_root(root, path, O_PATH | O_DIRECTORY)) return there;
  std::string so_far;
  auto here = open_in_root(root, ".", O_PATH | O_DIRECTORY);
  if (!here) return here;
  for (auto& part : fs::path(path).relative_path()) {
    if (part.empty() || part == ".") continue;
    so_far += "/" + part.string();
    auto next = open_in_root(root, so_far, O_PATH | O_DIRECTORY);
    if (!next) {
      if (part == "..") return error{errc::bad_request, path + " leads upward"};
      if (mkdirat(here->get(), part.c_str(), mode) && errno != EEXIST)
        return system_error("make the directory", so_far);
      next = open_in_root(root, so_far, O_PATH | O_DIRECTORY);
      if (!next) return next;
    }
    here = std::move(next);
  }
  return here;
}

std::string path_of(const descriptor& open) {
  return "/proc/self/fd/" + std::to_string(open.get());
}

namespace {

void remove_below(int parent, const char* name, dev_t device) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
  descriptor dir(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  if (!dir || fstat(dir.get(), &st) || st.st_dev != device) return;
  DIR* list = fdopendir(dup(dir.get()));
  if (!list) return;
  while (auto entry = readdir(list))
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      remove_below(dir.get(), entry->d_name, device);
  closedir(list);
  unlinkat(parent, name, AT_REMOVEDIR);
}

} // namespace

void remove_tree(const fs::path& path) {
  struct stat st {};
  if (lstat(path.c_str(), &st)) return;
  remove_below(AT_FDCWD, path.c_str(), st.st_dev);
}

uint64_t tree_bytes(const fs::path& path) {
  uint64_t total = 0;
  std::error_code bad;
  for (auto it = fs::recursive_directory_iterator(path, bad); it != fs::end(it);
       it.increment(bad)) {
    if (bad) break;
    struct stat st {};
    if (lstat(it->path().c_str(), &st) == 0) total += static_cast<uint64_t>(st.st_blocks) * 512;
  }
  return total;
}

void unmount(const fs::path& path) { umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW); }

std::vector<std::string> mounts_below(const fs::path& path) {
  std::vector<std::string> out;
  auto text = read_file("/proc/self/mountinfo");
  if (!text) return out;
  std::istringstream lines(*text);
  auto prefix = path.string();
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string skip, point;
    words >> skip >> skip >> skip >> skip >> point;
    if (point == prefix || point.starts_with(prefix + "/")) out.push_back(point);
  }
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.size() > b.size(); });
  return out;
}

} // namespace troupe::node
