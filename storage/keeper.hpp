// Keeps the past: gathers what was published, hands it to the checkpoint when enough has come
// together, and builds the state of past revisions by taking changes back.
#pragma once

#include "storage/checkpoint.hpp"
#include "storage/snapshot.hpp"

#include <list>
#include <mutex>

namespace troupe::storage {

struct keeper_settings {
  size_t checkpoint_bytes = 16u << 20;  ///< of log, after which a checkpoint is worth writing
  size_t behind_bytes_max = 256u << 20; ///< of log that may wait for it before writers must
  size_t past_snapshots_max = 8;        ///< kept for lists that are read page by page
  history_limits history = {};
};

/// One writer notes; one thread writes checkpoints; any thread asks for the past.
class keeper {
public:
  keeper(std::shared_ptr<checkpoint> in, keeper_settings settings)
      : checkpoint_{std::move(in)}, settings_{settings} {}

  /// Starts at what was loaded or installed. Forgets what waits.
  void reset(const snapshot& at, checkpoint_meta meta);

  /// Takes note of what was just published. True when a checkpoint should be written.
  bool note(published_batch batch, snapshot after);

  /// Whether the checkpoint is so far behind that writers should wait.
  bool behind() const;

  /// Writes everything noted so far. On errc::storage_full it waits for the next time.
  result<log_position> write_checkpoint(uint64_t now_ms);

  /// Writes the whole checkpoint anew from memory, because what is on the disk is damaged. Its
  /// history is lost.
  result<log_position> rewrite_checkpoint();

  /// The state at a past revision.
  result<snapshot> at(uint64_t revision);

  /// The newest changes of `key`, newest first, at most `changes_max`.
  result<std::vector<past_change>> history(std::string_view key, size_t changes_max);

  /// The newest revision that was there at that time, as far back as history goes.
  result<uint64_t> revision_at(uint64_t time_ms);

private:
  using batch_ptr = std::shared_ptr<const published_batch>;

  void forget(const std::vector<batch_ptr>& written);
  result<snapshot> take_back(snapshot from, std::vector<batch_ptr> waiting, uint64_t revision);

  const std::shared_ptr<checkpoint> checkpoint_;
  const keeper_settings settings_;
  std::mutex writing_; ///< one checkpoint at a time

  mutable std::mutex mutex_;
  std::vector<batch_ptr> waiting_; ///< oldest first; kept until it is durable
  size_t waiting_bytes_ = 0;
  bool asked_ = false;         ///< a checkpoint was asked for and has not begun
  snapshot noted_;             ///< the state after the newest of them
  checkpoint_meta noted_meta_; ///< what a checkpoint of that state says about itself
  std::list<snapshot> past_;
};

} // namespace troupe::storage
