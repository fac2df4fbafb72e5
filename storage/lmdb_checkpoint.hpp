// The checkpoint in LMDB: tables `state`, `undo` and `meta` in one file, each call one transaction.
// Keys and values are described in docs/storage-format.md and are permanent.
#pragma once

#include "storage/checkpoint.hpp"
#include "storage/lmdb.hpp"
#include "storage/sealer.hpp"

#include <shared_mutex>

namespace troupe::storage {

struct lmdb_settings {
  size_t map_bytes = size_t{16} << 30; ///< address space, not disk; doubled when the file needs it
  size_t map_bytes_max = size_t{1} << 40;
  size_t transaction_bytes_max = 64u << 20; ///< larger ones spill pages, where 0.9.24 has bugs
  unsigned readers_max = 256;
};

/// One thread writes; any thread visits history.
class lmdb_checkpoint final : public checkpoint {
public:
  static result<std::unique_ptr<lmdb_checkpoint>>
  open(const std::string& path, std::shared_ptr<const sealer> seal, lmdb_settings settings = {});

  result<loaded> load() override;
  result<void> add(const std::vector<std::shared_ptr<const published_batch>>& batches,
                   const history_limits& limits, uint64_t now_ms) override;
  result<void> replace(const state& contents, const checkpoint_meta& meta) override;
  result<uint64_t> visit_history(uint64_t below, const std::function<bool(undo)>& visit) override;

  /// Writes a compacted copy of the file to `path`, while others read and write.
  result<void> copy_compacted(const std::string& path);

private:
  struct tables {
    MDB_dbi state = 0;
    MDB_dbi undo = 0;
    MDB_dbi meta = 0;
  };

  lmdb_checkpoint(std::string path, std::shared_ptr<const sealer> seal, lmdb_settings settings)
      : path_{std::move(path)}, seal_{std::move(seal)}, settings_{settings} {}

  template<class Act> result<void> write(Act act);
  result<void> grow();
  result<void> add_batch(lmdb::transaction& in, const published_batch& batch);
  result<void> forget_history(lmdb::transaction& in, const history_limits& limits, uint64_t now_ms,
                              checkpoint_meta& meta);
  result<checkpoint_meta> read_meta(lmdb::transaction& in) const;
  result<void> write_meta(lmdb::transaction& in, const checkpoint_meta& meta) const;

  const std::string path_;
  const std::shared_ptr<const sealer> seal_;
  lmdb_settings settings_;
  /// LMDB may only be resized while no transaction of this process is open.
  std::shared_mutex resizing_;
  lmdb::environment env_;
  tables tables_;
};

} // namespace troupe::storage
