// The low-water mark of a disk: below it only what frees space is accepted, so that the log always
// has room to say so. It heals by itself. Pure but for one statvfs a batch.
#pragma once

#include "storage/files.hpp"
#include "storage/transaction.hpp"

namespace troupe::storage {

class low_water {
public:
  /// `mark_bytes` 0: 64 MiB + 5 % of the disk, at most 1 GiB.
  explicit low_water(uint64_t mark_bytes = 0) : mark_bytes_{mark_bytes} {}

  /// Whether the disk of `where` is below the mark, or `behind` says that checkpoints cannot keep
  /// up. Logs when that changes.
  bool full(const directory& where, bool behind);

  /// Whether a transaction may pass although the disk is full.
  static bool passes(const transaction& x);

  /// What the others are told.
  static error refusal();

private:
  const uint64_t mark_bytes_;
  bool full_ = false;
};

} // namespace troupe::storage
