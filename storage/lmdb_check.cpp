// Reading the checkpoint again, all of it, at a pace: its pages first, so that LMDB is led nowhere,
// then every value by its checksum. And how much room the file takes.
#include "storage/lmdb_checkpoint.hpp"
#include "storage/lmdb_pages.hpp"
#include "storage/state_record.hpp"

#include <cstring>
#include <filesystem>

namespace troupe::storage {

namespace {

constexpr size_t slice_bytes = 1u << 20; // of values that one read transaction looks at
constexpr MDB_dbi free_table = 0;        // LMDB's own: lists of pages that are free

} // namespace

result<checkpoint::room> lmdb_checkpoint::measure() {
  auto of = current();
  std::shared_lock resizing{of->resizing};
  auto begun = lmdb::transaction::begin(of->env.get(), true);
  if (!begun) return begun.error();
  auto at = lmdb::cursor::open(*begun, free_table);
  if (!at) return at.error();
  uint64_t pages = 0;
  auto more = at->move(MDB_FIRST);
  for (; more && *more; more = at->move(MDB_NEXT)) {
    uint64_t count = 0;
    if (at->value().size() >= sizeof count) std::memcpy(&count, at->value().data(), sizeof count);
    pages += count;
  }
  if (!more) return more.error();
  MDB_stat stat;
  mdb_env_stat(of->env.get(), &stat);
  std::error_code none;
  auto bytes = std::filesystem::file_size(path_, none);
  return room{none ? 0 : bytes, std::min<uint64_t>(pages * stat.ms_psize, none ? 0 : bytes)};
}

result<void> lmdb_checkpoint::check(const pacer& pace) {
  // A read may have come from the wrong place, or at the very moment of a write or an exchange:
  // twice is damage.
  if (auto sound = check_pages(pace); !sound)
    if (auto again = check_pages(pace); !again) return again;
  auto of = current();
  for (auto table : {of->state, of->undo})
    if (auto sound = check_values(*of, table, pace); !sound) return sound;
  return {};
}

result<void> lmdb_checkpoint::check_pages(const pacer& pace) const {
  auto where = std::filesystem::path{path_};
  auto folder = open_posix_directory(where.parent_path().string(), sharing::shared);
  if (!folder) return folder.error();
  // So that no page that is in use now is written again before we have read it.
  auto in = current();
  std::shared_lock resizing{in->resizing};
  auto begun = lmdb::transaction::begin(in->env.get(), true);
  if (!begun) return begun.error();
  auto opened = (*folder)->open(where.filename().string(), false);
  if (!opened) return opened.error();
  auto sound = storage::check_pages(**opened, page_depth::everything, pace);
  if (!sound) return sound.error();
  return {};
}

/// A slice at a time, so that no long transaction keeps old pages from being used again.
result<void> lmdb_checkpoint::check_values(tables& in, MDB_dbi table, const pacer& pace) const {
  auto check_value = [&](std::string_view key, std::string_view value) -> result<void> {
    if (table == in.undo) {
      auto read = read_change(key, value);
      return read ? result<void>{} : read.error();
    }
    auto read = read_object(key, value);
    return read ? result<void>{} : read.error();
  };
  std::string from(1, '\0');
  for (bool more = true; more;) {
    size_t bytes = 0;
    {
      std::shared_lock resizing{in.resizing};
      auto begun = lmdb::transaction::begin(in.env.get(), true);
      if (!begun) return begun.error();
      auto at = lmdb::cursor::open(*begun, table);
      if (!at) return at.error();
      auto found = at->move(MDB_SET_RANGE, from);
      for (; found && *found && bytes < slice_bytes; found = at->move(MDB_NEXT)) {
        if (auto sound = check_value(at->key(), at->value()); !sound) return sound;
        bytes += at->key().size() + at->value().size();
        from.assign(at->key()).push_back('\0');
      }
      if (!found) return found.error();
      more = *found;
    }
    if (!pace(bytes)) return stopped_reading();
  }
  return {};
}

} // namespace troupe::storage
