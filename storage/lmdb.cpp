#include "storage/lmdb.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

namespace troupe::storage::lmdb {

error failed(std::string_view what, int code) {
  auto kind = errc::internal;
  if (code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT) kind = errc::storage_full;
  if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
      code == MDB_VERSION_MISMATCH)
    kind = errc::corrupt;
  return {kind, "LMDB: " + std::string(what) + ": " + mdb_strerror(code)};
}

result<environment> open(const std::string& path, size_t map_bytes, unsigned readers_max) {
  MDB_env* made = nullptr;
  if (auto code = mdb_env_create(&made)) return failed("create", code);
  environment env{made};
  mdb_env_set_maxdbs(made, 8);
  mdb_env_set_maxreaders(made, readers_max);
  if (auto code = mdb_env_set_mapsize(made, map_bytes)) return failed("map size", code);
  // Not MDB_NOMEMINIT: it would write whatever the heap held before, secrets as well.
  if (auto code = mdb_env_open(made, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0600))
    return failed("open " + path, code);
  int stale = 0;
  mdb_reader_check(made, &stale); // slots of readers that were killed
  return env;
}

void let_go_of_pages(MDB_env* of) {
  mdb_filehandle_t file = -1;
  struct stat known {};
  if (mdb_env_get_fd(of, &file) != 0 || fstat(file, &known) != 0) return;
  std::ifstream maps("/proc/self/maps"); // LMDB does not tell where its map lies
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0, inode = 0;
    unsigned major_id = 0, minor_id = 0;
    if (sscanf(line.c_str(), "%lx-%lx %*s %*s %x:%x %lu", &begin, &end, &major_id, &minor_id,
               &inode) == 5 &&
        inode == known.st_ino && makedev(major_id, minor_id) == known.st_dev)
      madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

result<transaction> transaction::begin(MDB_env* in, bool read_only) {
  MDB_txn* txn = nullptr;
  if (auto code = mdb_txn_begin(in, nullptr, read_only ? MDB_RDONLY : 0, &txn))
    return failed("begin", code);
  return transaction{txn};
}

result<void> transaction::commit() {
  if (auto code = mdb_txn_commit(txn_.release())) return failed("commit", code);
  return {};
}

result<MDB_dbi> transaction::open_table(const char* name, bool create) {
  MDB_dbi table = 0;
  if (auto code = mdb_dbi_open(get(), name, create ? MDB_CREATE : 0, &table))
    return failed(std::string("open table ") + name, code);
  return table;
}

result<void> transaction::put(MDB_dbi table, std::string_view key, std::string_view value,
                              unsigned flags) {
  auto k = value_of(key), v = value_of(value);
  if (auto code = mdb_put(get(), table, &k, &v, flags)) return failed("put", code);
  return {};
}

result<void> transaction::erase(MDB_dbi table, std::string_view key) {
  auto k = value_of(key);
  auto code = mdb_del(get(), table, &k, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return failed("erase", code);
  return {};
}

result<std::string_view> transaction::get(MDB_dbi table, std::string_view key) {
  auto k = value_of(key);
  MDB_val v{};
  auto code = mdb_get(get(), table, &k, &v);
  if (code == MDB_NOTFOUND) return std::string_view{};
  if (code != 0) return failed("get", code);
  return view_of(v);
}

result<cursor> cursor::open(const transaction& in, MDB_dbi table) {
  MDB_cursor* made = nullptr;
  if (auto code = mdb_cursor_open(in.get(), table, &made)) return failed("cursor", code);
  return cursor{made};
}

result<bool> cursor::move(MDB_cursor_op how, std::string_view key) {
  if (!key.empty()) key_ = value_of(key);
  auto code = mdb_cursor_get(cursor_.get(), &key_, &value_, how);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return failed("read", code);
  return true;
}

result<void> cursor::erase() {
  if (auto code = mdb_cursor_del(cursor_.get(), 0)) return failed("erase", code);
  return {};
}

} // namespace troupe::storage::lmdb
