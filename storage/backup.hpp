// A backup: the state at one revision in one file, checksummed record by record and as a whole.
// docs/storage-format.md draws it byte by byte.
#pragma once

#include "storage/checkpoint.hpp"
#include "storage/sealer.hpp"
#include "storage/snapshot.hpp"

#include <functional>

namespace troupe::storage {

/// What a backup says about itself.
struct backup_summary {
  uint64_t revision = 0;
  uint64_t objects = 0;
  uint64_t time_ms = 0;
  log_position position;
};

/// Takes bytes in order, for example into a file or a stream to a follower.
using byte_sink = std::function<result<void>(std::string_view)>;
/// Gives up to `size` more bytes; none at the end.
using byte_source = std::function<result<std::string>(size_t size)>;

/// Writes `from` to `to`, a piece at a time.
result<void> save_backup(const snapshot& from, log_position position, uint64_t time_ms,
                         const sealer* seal, const byte_sink& to);

/// Reads and checks a whole backup; errc::corrupt when anything in it is damaged or missing.
result<std::pair<state, backup_summary>> load_backup(const byte_source& from, const sealer* seal);

/// Saves to a new file `path`: written beside it, synced, then renamed.
result<void> save_backup_file(const snapshot& from, uint64_t time_ms, const sealer* seal,
                              const std::string& path);
result<std::pair<state, backup_summary>> load_backup_file(const std::string& path,
                                                          const sealer* seal);

/// Makes a new data directory at `path` from the backup in `file`. Refuses one that has data. The
/// revision goes on from `revision_gap` above the saved one, so that no client mistakes a new
/// change for one it has seen before the restore.
result<backup_summary> restore(const std::string& file, const std::string& path,
                               std::shared_ptr<const sealer> seal,
                               uint64_t revision_gap = 1'000'000);

/// Reads everything in a data directory that no process has open and says what is in it. Runs in a
/// child process, because a damaged LMDB file can end the process that reads it.
result<backup_summary> check_data_directory(const std::string& path,
                                            std::shared_ptr<const sealer> seal);

} // namespace troupe::storage
