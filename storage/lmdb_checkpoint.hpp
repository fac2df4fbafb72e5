// The checkpoint in LMDB: tables `state`, `undo` and `meta` in one file. Each call is one
// transaction, or another file that takes the place of this one at once.
// Keys and values are described in docs/storage-format.md and are permanent.
#pragma once

#include "storage/checkpoint.hpp"
#include "storage/lmdb.hpp"
#include "storage/sealer.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <shared_mutex>

namespace troupe::storage {

struct lmdb_settings {
  size_t map_bytes = size_t{16} << 30; ///< address space, not disk; doubled when the file needs it
  size_t map_bytes_max = size_t{1} << 40;
  /// What a checkpoint usually has, as each transaction writes the same branches anew. LMDB keeps the
  /// memory of the largest one for ever; far larger ones spill pages, where 0.9.24 has bugs.
  size_t transaction_bytes_max = 16u << 20;
  /// Pages are given back after so much even if more follows: they are read again at a cost.
  size_t unrested_bytes_max = 256u << 20;
  unsigned readers_max = 256;
};

/// Any thread; those that write take turns.
class lmdb_checkpoint final : public checkpoint {
public:
  static result<std::unique_ptr<lmdb_checkpoint>>
  open(const std::string& path, std::shared_ptr<const sealer> seal, lmdb_settings settings = {});

  result<loaded> load() override;
  result<void> add(const std::vector<std::shared_ptr<const published_batch>>& batches,
                   const history_limits& limits, uint64_t now_ms) override;
  result<void> replace(const state& contents, const checkpoint_meta& meta) override;
  result<uint64_t> visit_history(uint64_t below, const std::function<bool(undo)>& visit) override;

  result<room> measure() override;
  result<void> defragment() override;
  result<void> check(const pacer& pace) override;
  void rest() override;

private:
  /// The file in use. Whoever reads in it holds it, also after another has taken its place.
  struct tables {
    lmdb::environment env;
    MDB_dbi state = 0;
    MDB_dbi undo = 0;
    MDB_dbi meta = 0;
    /// LMDB may only be resized while no transaction of this process is open.
    std::shared_mutex resizing;
  };
  using tables_ptr = std::shared_ptr<tables>;

  lmdb_checkpoint(std::string path, std::shared_ptr<const sealer> seal, lmdb_settings settings)
      : path_{std::move(path)}, seal_{std::move(seal)}, settings_{settings} {}

  tables_ptr current() const;

  template<class Act> result<void> write(Act act);
  result<void> grow();
  result<void> add_batch(lmdb::transaction& in, const published_batch& batch);
  result<void> forget_history(lmdb::transaction& in, const history_limits& limits, uint64_t now_ms,
                              checkpoint_meta& meta);
  result<checkpoint_meta> read_meta(lmdb::transaction& in, const tables& of) const;
  result<void> write_meta(lmdb::transaction& in, const checkpoint_meta& meta) const;

  // Another file in place of this one: lmdb_replace.cpp.
  result<void> fill(const state& contents, const checkpoint_meta& meta);
  result<void> copy_compacted(const std::string& path) const;
  result<void> holds_the_same(lmdb_checkpoint& copy);
  result<void> take_over(lmdb_checkpoint& fresh);

  // Reading everything again: lmdb_check.cpp.
  result<void> check_pages(const pacer& pace) const;
  result<void> check_values(tables& in, MDB_dbi table, const pacer& pace) const;
  result<entry_ptr> read_object(std::string_view key, std::string_view value) const;
  result<undo> read_change(std::string_view key, std::string_view value) const;

  const std::string path_;
  const std::shared_ptr<const sealer> seal_;
  lmdb_settings settings_;
  std::mutex writing_; ///< one change of the file at a time, its exchange too
  std::atomic<size_t> unrested_bytes_ = 0;
  uint64_t last_index_ = 0;     ///< of the log, in the file; guarded by writing_
  std::optional<error> failed_; ///< the disk has broken its word; guarded by writing_
  mutable std::mutex exchanging_;
  tables_ptr tables_; ///< changed under both locks: writers read it under the first alone
};

} // namespace troupe::storage
