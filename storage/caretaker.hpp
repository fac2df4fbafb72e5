// The CARETAKER of a member's files: checkpoints that let the log go, room given back, and what
// lies on the disk read again before it is needed. What is found damaged is written anew from
// memory, which holds the truth as long as the process lives.
#pragma once

#include "storage/keeper.hpp"
#include "storage/wal.hpp"

#include <optional>

namespace troupe::storage {

struct care_settings {
  /// The checkpoint is defragmented by itself when more than this much of it, and more than half,
  /// holds nothing.
  uint64_t free_bytes_max = 256u << 20;
};

/// What came of reading everything again.
struct check_report {
  uint64_t time_ms = 0;
  std::string damage;  ///< empty: all is sound
  bool healed = false; ///< written anew from memory: the damage is gone
};

/// How the files of a member are.
struct care_figures {
  checkpoint::room room;
  size_t log_segments = 0;
  std::optional<check_report> last_check;
};

/// Any thread: those who write wait for each other. What it looks after must outlive it.
class caretaker {
public:
  caretaker(std::shared_ptr<checkpoint> kept, keeper& past, wal& log,
            std::function<uint64_t()> wall_clock_ms, care_settings settings = {})
      : kept_{std::move(kept)}, past_{past}, log_{log},
        wall_clock_ms_{std::move(wall_clock_ms)}, settings_{settings} {}

  /// Writes what has come together and removes the log that is not needed any more. Anything but
  /// errc::storage_full means that the disk broke its word. Returns what can be forgotten.
  result<log_position> write_checkpoint();

  /// Gives back the room that the checkpoint has and does not use, while everything goes on.
  result<void> defragment() { return kept_->defragment(); }

  /// Reads everything on the disk again, at the pace it is given; heals what is damaged, and leaves
  /// it to its caller to tell somebody. A failure means that it did not come to an end.
  result<check_report> check(const pacer& pace);

  result<care_figures> look();

private:
  void defragment_when_worth_it();
  result<check_report> check_and_heal(const pacer& pace);

  const std::shared_ptr<checkpoint> kept_;
  keeper& past_;
  wal& log_;
  const std::function<uint64_t()> wall_clock_ms_;
  const care_settings settings_;

  std::mutex mutex_;
  std::optional<check_report> last_check_;
};

} // namespace troupe::storage
