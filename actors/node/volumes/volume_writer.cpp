#include "actors/node/volumes/volume_writer.hpp"

#include "actors/node/files.hpp"

#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

/// With a group, as volumes are shared: whoever may read as owner may read as group.
uint32_t mode_for(uint32_t mode, bool group) { return group ? mode | ((mode & 0400) >> 3) : mode; }

bool shows(const fs::path& dir, const volume_files& files, std::optional<int64_t> group) {
  std::error_code bad;
  auto data = dir / "..data";
  if (!fs::exists(data, bad)) return false;
  size_t seen = 0;
  for (auto& e : fs::recursive_directory_iterator(data, bad)) {
    if (e.is_directory(bad)) continue;
    auto hit = files.find(fs::relative(e.path(), fs::canonical(data, bad), bad).string());
    if (hit == files.end()) hit = files.find(e.path().lexically_relative(data).string());
    if (hit == files.end()) return false;
    auto text = read_file(e.path());
    struct stat st {};
    if (!text || *text != hit->second.bytes || lstat(e.path().c_str(), &st) ||
        (st.st_mode & 07777) != mode_for(hit->second.mode, group.has_value()))
      return false;
    ++seen;
  }
  return seen == files.size();
}

result<void> replace_link(const fs::path& at, const std::string& target) {
  auto fresh = at.parent_path() / "..link_tmp";
  unlink(fresh.c_str());
  if (symlink(target.c_str(), fresh.c_str())) return system_error("link", fresh);
  if (rename(fresh.c_str(), at.c_str())) return system_error("link", at);
  return {};
}

result<void> write_all(const fs::path& into, const volume_files& files,
                       std::optional<int64_t> group) {
  for (auto& [path, file] : files) {
    auto at = into / path;
    if (auto made = make_directories(at.parent_path(), 0755); !made) return made;
    if (auto done = write_file(at, file.bytes, mode_for(file.mode, group.has_value())); !done)
      return done;
    if (group && chown(at.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(*group)))
      return system_error("give away", at);
  }
  return {};
}

} // namespace

result<void> write_volume(const fs::path& directory, const volume_files& files,
                          std::optional<int64_t> group) {
  if (auto made = make_directories(directory, 0755); !made) return made;
  if (shows(directory, files, group)) return {};
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  auto name = ".." + std::to_string(now.tv_sec) + "." + std::to_string(now.tv_nsec);
  auto fresh = directory / name;
  if (auto made = make_directories(fresh, 0755); !made) return made;
  if (auto done = write_all(fresh, files, group); !done) {
    remove_tree(fresh);
    return done;
  }
  if (auto done = replace_link(directory / "..data", name); !done) return done;
  std::set<std::string> tops;
  for (auto& [path, file] : files) tops.insert(fs::path(path).begin()->string());
  for (auto& top : tops)
    if (!fs::is_symlink(fs::symlink_status(directory / top)))
      if (auto done = replace_link(directory / top, "..data/" + top); !done) return done;
  // What is no longer there, and the directories that nobody points to.
  std::error_code bad;
  for (auto& e : fs::directory_iterator(directory, bad)) {
    auto own = e.path().filename().string();
    if (own == "..data" || own == name || tops.contains(own)) continue;
    remove_tree(e.path());
  }
  return {};
}

} // namespace troupe::node
