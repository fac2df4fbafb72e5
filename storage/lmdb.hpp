// LMDB with its edges filed off: environments, transactions and cursors that close themselves,
// errors as result<T>. Only what the checkpoint needs.
#pragma once

#include "messages/base/error.hpp"

#include <lmdb.h>

#include <memory>
#include <string>
#include <string_view>

namespace troupe::storage::lmdb {

/// The failure behind an LMDB return code.
error failed(std::string_view what, int code);

inline MDB_val value_of(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}
inline std::string_view view_of(const MDB_val& x) {
  return {static_cast<const char*>(x.mv_data), x.mv_size};
}

struct close_environment {
  void operator()(MDB_env* x) const { mdb_env_close(x); }
};
using environment = std::unique_ptr<MDB_env, close_environment>;

/// Opens the single-file environment at `path` with room for `map_bytes`. MDB_NOTLS, so that read
/// transactions belong to no thread; fully synchronous, so that a crash costs nothing.
result<environment> open(const std::string& path, size_t map_bytes, unsigned readers_max);

/// Gives back the memory of pages that were read or are just written. They stay in the system's
/// cache and come back when somebody asks; a resident set that grows with the file tells users of
/// memory that nobody needs.
void let_go_of_pages(MDB_env* of);

/// A transaction; aborted unless committed.
class transaction {
public:
  static result<transaction> begin(MDB_env* in, bool read_only);
  transaction(transaction&&) = default;

  MDB_txn* get() const { return txn_.get(); }
  result<void> commit();

  result<MDB_dbi> open_table(const char* name, bool create);
  result<void> put(MDB_dbi table, std::string_view key, std::string_view value, unsigned flags = 0);
  /// Removing what is not there is no failure.
  result<void> erase(MDB_dbi table, std::string_view key);
  /// A null data pointer when there is none.
  result<std::string_view> get(MDB_dbi table, std::string_view key);

private:
  struct abort {
    void operator()(MDB_txn* x) const { mdb_txn_abort(x); }
  };
  explicit transaction(MDB_txn* txn) : txn_{txn} {}

  std::unique_ptr<MDB_txn, abort> txn_;
};

/// Walks a table.
class cursor {
public:
  static result<cursor> open(const transaction& in, MDB_dbi table);

  /// Moves; false at the end.
  result<bool> move(MDB_cursor_op how, std::string_view key = {});
  result<void> erase();

  std::string_view key() const { return view_of(key_); }
  std::string_view value() const { return view_of(value_); }

private:
  struct close {
    void operator()(MDB_cursor* x) const { mdb_cursor_close(x); }
  };
  explicit cursor(MDB_cursor* x) : cursor_{x} {}

  std::unique_ptr<MDB_cursor, close> cursor_;
  MDB_val key_{};
  MDB_val value_{};
};

} // namespace troupe::storage::lmdb
