// What a checkpoint is: the state at a position of the log, kept so that a restart needs only the
// log's tail, and an undo record of each change, kept for a while so that the past can be read.
#pragma once

#include "storage/apply.hpp"
#include "storage/event.hpp"
#include "storage/files.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace troupe::storage {

/// Where in the log a state stands.
struct log_position {
  uint64_t index = 0;
  uint64_t term = 0;

  bool operator==(const log_position&) const = default;
};

/// What was published together: the unit that a checkpoint takes whole.
struct published_batch {
  std::vector<event_ptr> events;
  log_position position; ///< of the last log entry in it
  uint64_t revision = 0; ///< after it
  uint64_t time_ms = 0;  ///< the wall clock of its proposers
  size_t bytes = 0;      ///< of log, roughly
  std::string agreement; ///< the membership, if one of its entries changed it
};

/// How much of the past is kept.
struct history_limits {
  uint64_t age_ms = 60 * 60 * 1000;
  uint64_t bytes_max = 512u << 20;
};

/// What a checkpoint says about itself.
struct checkpoint_meta {
  log_position position;
  uint64_t revision = 0;
  uint64_t compacted = 0; ///< states before this revision cannot be read any more
  uint64_t log_id = 0;
  std::string agreement; ///< what Raft wants to be kept with it: its membership
};

/// Where checkpoints are kept: LMDB, or the memory of a simulation. Everything given to one call
/// becomes durable together or not at all.
class checkpoint {
public:
  virtual ~checkpoint() = default;

  struct loaded {
    state contents;
    checkpoint_meta meta;
  };
  /// Reads everything; a fresh one is empty at position 0.
  virtual result<loaded> load() = 0;

  /// Adds batches that follow what is there, and forgets history beyond `limits`. Batches that are
  /// there already are passed over.
  virtual result<void> add(const std::vector<std::shared_ptr<const published_batch>>& batches,
                           const history_limits& limits, uint64_t now_ms) = 0;

  /// Replaces everything, history as well: a snapshot from a leader, a restore, or what memory
  /// holds of a checkpoint that is damaged. Does nothing when a newer one is there.
  virtual result<void> replace(const state& contents, const checkpoint_meta& meta) = 0;

  /// One change taken back: what stood at `key` before it.
  struct undo {
    uint64_t revision = 0;
    std::string key;
    entry_ptr before; ///< null: nothing
    uint64_t cause = 0;
    uint64_t time_ms = 0;
  };
  /// Visits the kept changes before revision `below`, newest first, until `visit` says false.
  /// Returns the oldest revision whose state can still be built.
  virtual result<uint64_t> visit_history(uint64_t below,
                                         const std::function<bool(undo)>& visit) = 0;

  /// Room on the disk, and how much of it holds nothing.
  struct room {
    uint64_t bytes = 0;
    uint64_t free_bytes = 0;
  };
  virtual result<room> measure() = 0;

  /// Gives back the room that holds nothing. Others go on reading and writing is done before or
  /// after it; a crash in the middle leaves things as they were.
  virtual result<void> defragment() = 0;

  /// Reads everything again: errc::corrupt tells what is damaged. Any thread, beside all others.
  virtual result<void> check(const pacer& pace) = 0;

  /// Nothing is written for a while: memory that is not needed meanwhile is given back. Any thread.
  virtual void rest() = 0;
};

} // namespace troupe::storage
