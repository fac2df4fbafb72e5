// The file of the checkpoint: how it is opened, and how another one takes its place, smaller or
// with other contents. The other is written whole and made durable under a name of its own first,
// so that a crash leaves either; who still reads in the old one goes on doing so.
#include "messages/base/log.hpp"
#include "storage/lmdb_checkpoint.hpp"
#include "storage/lmdb_pages.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace troupe::storage {

namespace {

constexpr const char* unfinished_suffix = "-new"; // permanent: a leftover is removed at a start
constexpr const char* lock_suffix = "-lock";      // LMDB's
constexpr uint64_t room_left_bytes = 64u << 20;   // on the disk, beside both files

error failed(const std::string& what) {
  auto code = errno == ENOSPC || errno == EDQUOT ? errc::storage_full : errc::internal;
  return {code, what + ": " + std::strerror(errno)};
}

void remove_file(const std::string& path) {
  ::unlink(path.c_str());
  ::unlink((path + lock_suffix).c_str());
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path{path}.parent_path().string();
}

/// What LMDB would end the process for is found before it looks at the file.
result<void> check_file(const std::string& path, page_depth depth) {
  std::filesystem::path where{path};
  std::error_code none;
  if (auto size = std::filesystem::file_size(where, none); none || size == 0)
    return {}; // a new one
  auto in = open_posix_directory(folder_of(path), sharing::shared);
  if (!in) return in.error();
  auto opened = (*in)->open(where.filename().string(), false);
  if (!opened) return opened.error();
  auto sound = check_pages(**opened, depth);
  if (!sound)
    return with_context(sound.error(), path + "; restore this member from a backup or from its "
                                              "peers");
  return {};
}

} // namespace

result<std::unique_ptr<lmdb_checkpoint>> lmdb_checkpoint::open(const std::string& path,
                                                               std::shared_ptr<const sealer> seal,
                                                               lmdb_settings settings) {
  remove_file(path + unfinished_suffix);
  if (auto sound = check_file(path, page_depth::branches); !sound) return sound.error();
  std::unique_ptr<lmdb_checkpoint> made{new lmdb_checkpoint{path, std::move(seal), settings}};
  made->tables_ = std::make_shared<tables>();
  auto& to = *made->tables_;
  auto env = lmdb::open(path, settings.map_bytes, settings.readers_max);
  if (!env) return env.error();
  to.env = std::move(*env);
  auto begun = lmdb::transaction::begin(to.env.get(), false);
  if (!begun) return begun.error();
  for (auto [name, table] :
       {std::pair{"state", &to.state}, std::pair{"undo", &to.undo}, std::pair{"meta", &to.meta}}) {
    auto opened = begun->open_table(name, true);
    if (!opened) return opened.error();
    *table = *opened;
  }
  auto meta = made->read_meta(*begun, to);
  if (!meta) return meta.error();
  made->last_index_ = meta->position.index;
  if (auto done = begun->commit(); !done) return done.error();
  return made;
}

result<void> lmdb_checkpoint::replace(const state& contents, const checkpoint_meta& meta) {
  std::lock_guard writing{writing_};
  if (meta.position.index < last_index_) return {};
  auto path = path_ + unfinished_suffix;
  auto made = open(path, seal_, settings_);
  auto done = made ? (*made)->fill(contents, meta) : result<void>{made.error()};
  if (done) done = take_over(**made);
  if (!done) remove_file(path);
  if (done) last_index_ = meta.position.index;
  return done;
}

result<void> lmdb_checkpoint::defragment() {
  std::lock_guard writing{writing_};
  auto before = measure();
  if (!before) return before.error();
  std::error_code none;
  auto disk = std::filesystem::space(folder_of(path_), none);
  auto needed = before->bytes - before->free_bytes + room_left_bytes;
  if (!none && disk.available < needed)
    return error{errc::storage_full, "a smaller copy of " + path_ + " needs " +
                                         std::to_string(needed >> 20) +
                                         " MiB beside it, and the disk has " +
                                         std::to_string(disk.available >> 20) + " MiB left"};
  auto path = path_ + unfinished_suffix;
  remove_file(path);
  auto done = copy_compacted(path);
  if (done) done = check_file(path, page_depth::everything);
  if (done) {
    auto copy = open(path, seal_, settings_);
    done = copy ? holds_the_same(**copy) : result<void>{copy.error()};
    if (done) done = take_over(**copy);
  }
  if (!done) return remove_file(path), with_context(done.error(), "cannot defragment " + path_);
  if (auto after = measure())
    log::info("storage", "the checkpoint was defragmented",
              {{"bytes_before", before->bytes}, {"bytes", after->bytes}});
  return {};
}

/// Others read meanwhile; nobody writes.
result<void> lmdb_checkpoint::copy_compacted(const std::string& path) const {
  auto fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed("create " + path);
  auto copy = [&]() -> result<void> {
    std::shared_lock resizing{tables_->resizing};
    if (auto code = mdb_env_copyfd2(tables_->env.get(), fd, MDB_CP_COMPACT))
      return lmdb::failed("copy to " + path, code);
    if (::fsync(fd) != 0) return failed("sync " + path);
    return {};
  };
  auto done = copy();
  ::close(fd);
  return done;
}

/// Whether a copy has as much in every table and stands at the same place.
result<void> lmdb_checkpoint::holds_the_same(lmdb_checkpoint& copy) {
  auto look = [](lmdb_checkpoint& at) -> result<std::pair<checkpoint_meta, std::vector<size_t>>> {
    auto begun = lmdb::transaction::begin(at.tables_->env.get(), true);
    if (!begun) return begun.error();
    auto meta = at.read_meta(*begun, *at.tables_);
    if (!meta) return meta.error();
    std::vector<size_t> counts;
    for (auto table : {at.tables_->state, at.tables_->undo, at.tables_->meta}) {
      MDB_stat counted;
      mdb_stat(begun->get(), table, &counted);
      counts.push_back(counted.ms_entries);
    }
    return std::pair{std::move(*meta), std::move(counts)};
  };
  auto here = look(*this), there = look(copy);
  if (!here || !there) return here ? there.error() : here.error();
  if (here->second != there->second || !(here->first.position == there->first.position) ||
      here->first.revision != there->first.revision)
    return error{errc::corrupt, "the copy does not hold the same"};
  return {};
}

/// `fresh` is complete and durable under its own name: from now on it has ours, and is this file.
result<void> lmdb_checkpoint::take_over(lmdb_checkpoint& fresh) {
  auto in = open_posix_directory(folder_of(path_), sharing::shared);
  if (!in) return in.error();
  if (::rename(fresh.path_.c_str(), path_.c_str()) != 0) return failed("rename " + fresh.path_);
  // From here on the old file has no name: what is written must go to the new one, or nowhere.
  if (auto done = (*in)->sync(); !done) failed_ = done.error();
  // Its lock file goes with it, so that no two environments ever share one.
  if (::rename((fresh.path_ + lock_suffix).c_str(), (path_ + lock_suffix).c_str()) != 0)
    failed_ = failed("rename " + fresh.path_ + lock_suffix);
  settings_.map_bytes = fresh.settings_.map_bytes;
  std::lock_guard lock{exchanging_};
  tables_.swap(fresh.tables_); // the old one is closed by the last who reads in it
  return failed_ ? result<void>{*failed_} : result<void>{};
}

} // namespace troupe::storage
